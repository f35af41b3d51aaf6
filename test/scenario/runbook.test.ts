import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interrupted, orchestratorKilled } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { exampleNetwork, quickly } from '../support/networks.ts';
import { commandsOf, comparable, unexpectedLine } from '../support/runbook.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = await readFile(join(root, 'docs/runbook.md'), 'utf8');
const commands = commandsOf(page);

/** The night that the page tells of: each command is run as it is printed, in this order, and prints what it is said to print. */
describe('the runbook', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(exampleNetwork + quickly);
    const before = ['transit-gateway', 'vpc.shared', 'vpc.production', 'route-tables.shared', 'route-tables.production'];
    expect((await rig.holdfast(['up', ...before, '--yes'])).exitCode).toBe(0);
    await interrupted(rig, ['up', '--yes', '--no-settle'], { service: 'ec2', action: 'CreateVpc' }, orchestratorKilled);
  });
  afterAll(() => rig.stop());

  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(8);
  });

  it.each(commands)('$command', async ({ command, prints }) => {
    const [program = '', ...args] = command.split(' ');
    const { all } = await execa(program, args, {
      cwd: root,
      env: { HOLDFAST_LAB_DIR: join(rig.folder, 'lab') },
      all: true,
      reject: false,
    });
    expect(unexpectedLine(comparable(all), prints), `it printed:\n${all}`).toBeUndefined();
  });
});

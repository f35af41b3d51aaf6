import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interrupted, everythingKilled } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { commandsOf, comparable, unexpectedLine } from '../support/runbook.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = await readFile(join(root, 'docs/runbook.md'), 'utf8');
const commands = commandsOf(page);
const network = smallNetwork.replace('network: small', 'network: prod').replaceAll('one', 'staging');

/** The night that the page tells of: each command is run as it is printed, in this order, and prints what it is said to print. */
describe('the runbook', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(network + quickly);
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
    // The provider too: it would go on by itself with what it does next to the VPC, or not, as it happens.
    await interrupted(rig, ['up', '--yes', '--no-settle'], { service: 'ec2', action: 'CreateVpc' }, everythingKilled);
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

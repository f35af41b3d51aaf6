import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provideActionlint } from '../../toolchain/actionlint.ts';
import { readAction, readWorkflows, root } from '../support/workflows.ts';

const workflows = await readWorkflows();
const deploy = workflows.find(({ file }) => file.endsWith('/deploy.yml'));

describe('actionlint', () => {
  let actionlint: string;
  beforeAll(async () => {
    const provided = await provideActionlint(process.env, () => undefined);
    if (!provided.ok) throw new Error(provided.problems.map(({ message, next }) => `${message}\n${next}`).join('\n'));
    actionlint = provided.value;
  }, 600_000);

  /** What it finds in a workflow, a line each. The scripts are short, and not for its helpers, which not every machine has. */
  async function findings(file: string, workflow: string): Promise<string[]> {
    const { stdout, exitCode } = await execa(actionlint, ['-shellcheck=', '-pyflakes=', '-oneline', '-stdin-filename', file, '-'], {
      cwd: root,
      input: workflow,
      reject: false,
    });
    const lines = stdout.split('\n').filter((line) => line !== '');
    // 1 is findings; above, it has not looked.
    if (exitCode !== (lines.length === 0 ? 0 : 1)) throw new Error(`actionlint ended with ${exitCode}`);
    return lines;
  }

  it.each(workflows)('finds nothing in $file', async (workflow) => {
    expect(await findings(workflow.file, workflow.text)).toEqual([]);
  });

  it.each([
    ['an output that no step has', 'steps.waves.outputs.count', 'steps.wave.outputs.count', /property "wave" is not defined/],
    ['a need that is no job', 'needs: [waves, wave-2]', 'needs: [waves, wave-9]', /"wave-3" needs job "wave-9" which does not exist/],
    ['an input that our action does not have', 'session-seconds:', 'session-minutes:', /input "session-minutes" is not defined/],
    ['a key that is misspelt', 'timeout-minutes:', 'timeout-minuts:', /unexpected key "timeout-minuts"/],
    ['a permission that there is not', 'id-token: write', 'id-tokens: write', /unknown permission scope "id-tokens"/],
  ])('reports %s', async (_, right, wrong, says) => {
    const broken = deploy?.text.replace(right, wrong) ?? '';
    expect(broken).not.toBe(deploy?.text);
    expect((await findings('.github/workflows/deploy.yml', broken)).join('\n')).toMatch(says);
  });
});

/** A step's script as a runner starts it: `bash -e` with a file. `node` prints its process number and what it is given. */
describe('the script', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-step-'));
    await writeFile(join(folder, 'node'), '#!/bin/sh\necho $$ "$@"\n');
    await chmod(join(folder, 'node'), 0o755);
    // What a glob would find where it is not switched off.
    await writeFile(join(folder, 'vpc.yaml'), '');
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function runStep(script: string | undefined, env: Readonly<Record<string, string>>) {
    await writeFile(join(folder, 'step.sh'), script ?? 'exit 99');
    const child = spawn('bash', ['-e', 'step.sh'], {
      cwd: folder,
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const closed = once(child, 'close') as Promise<[code: number | null]>;
    const [stdout, [exitCode]] = await Promise.all([text(child.stdout), closed]);
    return { stdout, exitCode, pid: child.pid };
  }

  const scriptOf = (job: string, has: string) => deploy?.content.jobs[job]?.steps.find(({ run }) => run?.includes(has))?.run;
  const network = { HOLDFAST_NETWORK: 'networks/prod.yaml' };

  it.each(['wave-1', 'wave-2', 'wave-3', 'wave-4', 'wave-5'])(
    'of %s is Holdfast itself, which gets the signal when the workflow is cancelled',
    async (job) => {
      const env = { ...network, STACKS: 'vpc.a vpc.b', GITHUB_RUN_ID: '7' };
      const { stdout, pid } = await runStep(scriptOf(job, 'holdfast.mjs up'), env);
      expect(stdout).toBe(`${pid} bin/holdfast.mjs up --network networks/prod.yaml --run gh-7 --yes -- vpc.a vpc.b\n`);
    },
  );

  it('that asks for the waves passes globs on, and keeps what it is told', async () => {
    const output = join(folder, 'output');
    await runStep(scriptOf('waves', 'holdfast.mjs waves'), { ...network, STACKS: 'vpc.*', GITHUB_OUTPUT: output });
    expect(await readFile(output, 'utf8')).toMatch(
      / waves --with-upstreams --network networks\/prod\.yaml --format github --at-most 10 -- vpc\.\*$/m,
    );
  });

  it.each([
    ['as many waves as jobs', '3', 0],
    ['fewer', '1', 0],
    ['one too many', '4', 1],
    ['a number that nobody knows', '', 1],
  ])('that counts the waves is content, or ends the workflow: %s', async (_, COUNT, code) => {
    const { exitCode, stdout } = await runStep(scriptOf('waves', '$COUNT'), { ...network, COUNT, JOBS: '3' });
    expect(exitCode).toBe(code);
    expect(stdout === '').toBe(code === 0);
  });

  it('that says when the session ends takes the quotes off', async () => {
    const file = join(folder, 'environment');
    const script = (await readAction('holdfast')).content.find(({ env }) => env?.['EXPIRATION'] !== undefined)?.run;
    await runStep(script, { GITHUB_ENV: file, EXPIRATION: '"2026-01-31T18:00:00.000Z"' });
    expect(await readFile(file, 'utf8')).toBe('AWS_CREDENTIAL_EXPIRATION=2026-01-31T18:00:00.000Z\n');
  });
});

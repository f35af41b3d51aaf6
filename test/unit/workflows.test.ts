import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, describe, expect, it } from 'vitest';
import { wavesOf } from '../../orchestrator/graph/waves.ts';
import { exampleGraph } from './support/example.ts';
import { readAction, readWorkflows, root } from '../support/workflows.ts';
import type { Job, Step } from '../support/workflows.ts';

const workflows = await readWorkflows();
const action = await readAction('holdfast');
const spool = await readAction('spool');
const jobs = workflows.flatMap(({ file, content }) => Object.entries(content.jobs).map(([name, job]) => ({ at: `${file} ${name}`, job })));
const steps: readonly (Step & { readonly at: string })[] = [
  ...jobs.flatMap(({ at, job }) => job.steps.map((step) => ({ ...step, at }))),
  ...[action, spool].flatMap(({ file, content }) => content.map((step) => ({ ...step, at: file }))),
];

const deploy = workflows.find(({ file }) => file.endsWith('/deploy.yml'))?.content;
const waves = Object.entries(deploy?.jobs ?? {}).filter(([name]) => /^wave-\d+$/.test(name));
const sessionOf = ({ steps }: Job): Step['with'] => steps.find(({ uses }) => uses === './.github/actions/holdfast')?.with;

describe('a workflow', () => {
  it.each([...workflows, action, spool])(
    '$file takes actions of others only by their commit, and says which release that is',
    ({ text }) => {
      const uses = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line) && !line.includes('uses: ./'));
      expect(uses).not.toEqual([]);
      for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    },
  );

  it.each(workflows)('$file may nothing but what its jobs say', ({ content }) => {
    expect(content.permissions).toEqual({});
  });

  it.each(jobs)('$at may read the repository, and ask for a token where it has a role', ({ job }) => {
    expect(job.permissions).toEqual({
      contents: 'read',
      ...(sessionOf(job)?.['role'] === undefined ? {} : { 'id-token': 'write' }),
    });
  });

  it.each(jobs.filter(({ at }) => !at.includes('/nightly.yml')))('$at does nothing in a repository that names no role', ({ job }) => {
    if (job.needs.length === 0) expect(job.if).toMatch(/^vars\.HOLDFAST_ROLE_[A-Z]+ != ''/);
    // What asks for a status itself is not skipped with what it needs.
    else if (/\b(always|cancelled|failure)\(\)/.test(job.if ?? '')) expect(job.if).toContain("needs.waves.result == 'success'");
    else expect(job.needs).toEqual(['waves']);
  });

  it.each(steps.filter(({ run }) => run !== undefined))(
    '$at has no expression in a script, where its value would be code: $run',
    ({ run }) => {
      expect(run).not.toContain('${{');
    },
  );

  it.each(steps.filter(({ uses }) => uses?.startsWith('actions/checkout@')))('$at leaves no token in the checkout', (step) => {
    expect(step.with?.['persist-credentials']).toBe(false);
  });
});

describe('the steps that all workflows share', () => {
  const at = (is: (step: Step) => boolean): number => action.content.findIndex(is);

  it('fetch packages, CLI and plugin before there is a session, so that what downloads and installs gets no keys', () => {
    const session = at(({ uses }) => uses?.startsWith('aws-actions/configure-aws-credentials@') ?? false);
    const fetching = [at(({ run }) => run?.startsWith('npm ci ') ?? false), at(({ run }) => run?.includes('toolchain/main.ts') ?? false)];
    expect(session).toBeGreaterThan(-1);
    for (const step of fetching) {
      expect(step).toBeGreaterThan(-1);
      expect(step).toBeLessThan(session);
    }
  });
});

describe('the nightly tests', () => {
  const nightly = workflows.find(({ file }) => file.endsWith('/nightly.yml'))?.content.jobs ?? {};
  const sharded = Object.entries(nightly).filter(([, { strategy }]) => strategy !== undefined);

  it('run only in a repository that asks for them', () => {
    for (const { if: condition, needs } of Object.values(nightly))
      expect(condition).toMatch(needs.length === 0 ? /^vars\.HOLDFAST_NIGHTLY != ''/ : /needs\.tests\.result != 'skipped'/);
  });

  it.each(sharded)('run every shard of %s, each to its end and in its time', (_, { strategy, steps, name, ...job }) => {
    const { shard = [] } = typeof strategy?.matrix === 'object' ? strategy.matrix : {};
    expect(shard).toEqual(shard.map((__, before) => before + 1));
    expect(steps.at(-1)?.run ?? steps.at(-2)?.run).toContain(`--shard "$SHARD/${shard.length}"`);
    expect(name).toContain(`/${shard.length}`);
    expect(strategy?.['fail-fast']).toBe(false);
    expect(job['timeout-minutes']).toBe(150);
  });

  it('are summed up from where the shards have kept their results, whether or not one failed', () => {
    const scripts = ['tests', 'sum'].map((name) => nightly[name]?.steps.find(({ run }) => run?.includes('test:all'))?.run);
    expect(scripts.map((script) => script?.split('--results ')[1])).toEqual(['"$RUNNER_TEMP/results"', '"$RUNNER_TEMP/results"']);
    expect(nightly['sum']?.if).toContain('!cancelled()');
  });
});

describe('the spool of a job', () => {
  const folders: string[] = [];
  afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

  /** The script, on a machine that has spooled a checkpoint. */
  function packed(env: { readonly CERTIFICATE: string; readonly IS_PRIVATE: string }, checkpoint?: string) {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-spool-'));
    folders.push(folder);
    if (checkpoint !== undefined) {
      mkdirSync(join(folder, '.holdfast', 'spool', 'run'), { recursive: true });
      writeFileSync(join(folder, '.holdfast', 'spool', 'run', 'example.vpc.a.json'), checkpoint);
    }
    const output = join(folder, 'output');
    writeFileSync(output, '');
    const { status, stdout } = spawnSync('bash', [`${root}.github/actions/spool/pack.sh`], {
      cwd: folder,
      env: { PATH: process.env['PATH'], RUNNER_TEMP: folder, GITHUB_OUTPUT: output, ...env },
      encoding: 'utf8',
    });
    const file = /^file=(.*)$/m.exec(readFileSync(output, 'utf8'))?.[1];
    return { folder, status, stdout, file };
  }

  it('is kept for three days', () => {
    expect(spool.content.at(-1)?.with?.['retention-days']).toBe(3);
    expect(spool.content.at(-1)?.if).toBe("steps.pack.outputs.file != ''");
  });

  it('is nothing where the bucket took everything', () => {
    expect(packed({ CERTIFICATE: '', IS_PRIVATE: 'false' })).toMatchObject({ status: 0, file: undefined });
  });

  it('is read by the holder of the key, and by no other', () => {
    const keys = mkdtempSync(join(tmpdir(), 'holdfast-keys-'));
    folders.push(keys);
    const openssl = (...args: string[]) => spawnSync('openssl', args, { cwd: keys });
    for (const name of ['ours', 'theirs'])
      expect(
        openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`)
          .status,
      ).toBe(0);
    const {
      status,
      file = '',
      folder,
    } = packed({ CERTIFICATE: readFileSync(join(keys, 'ours.pem'), 'utf8'), IS_PRIVATE: 'false' }, 'tgw-0123');
    expect(status).toBe(0);
    const decrypted = (key: string) => openssl('cms', '-decrypt', '-inform', 'DER', '-in', file, '-inkey', key, '-out', 'spool.tgz');
    expect(decrypted('theirs.key').status).not.toBe(0);
    expect(decrypted('ours.key').status).toBe(0);
    const { stdout } = spawnSync('tar', ['-xzOf', join(keys, 'spool.tgz'), 'spool/run/example.vpc.a.json'], { encoding: 'utf8' });
    expect(stdout).toBe('tgw-0123');
    expect(readdirSync(folder).filter((name) => name.endsWith('.gz'))).toEqual([]);
  });

  it('is not kept in a public repository that has no key', () => {
    const { status, stdout, file, folder } = packed({ CERTIFICATE: '', IS_PRIVATE: 'false' }, 'tgw-0123');
    expect([status, file]).toEqual([1, undefined]);
    expect(stdout).toMatch(/^::error::.*HOLDFAST_SPOOL_CERTIFICATE/);
    expect(readdirSync(folder).sort()).toEqual(['.holdfast', 'output']);
  });

  it('is kept as it is in a private repository that has no key, and it is said', () => {
    const { status, stdout, file } = packed({ CERTIFICATE: '', IS_PRIVATE: 'true' }, 'tgw-0123');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^::warning::/);
    expect(file).toMatch(/spool\.tar\.gz$/);
  });

  it('has a place before anything is deployed', () => {
    const place = deploy?.jobs['waves']?.steps.find(({ env }) => env?.['CERTIFICATE'] !== undefined);
    const ends = (CERTIFICATE: string, IS_PRIVATE: string) =>
      spawnSync('bash', ['-ec', place?.run ?? 'exit 9'], { env: { CERTIFICATE, IS_PRIVATE } }).status;
    expect([ends('', 'false'), ends('pem', 'false'), ends('', 'true'), ends('pem', 'true')]).toEqual([1, 0, 0, 0]);
  });
});

describe('the plan of a pull request', () => {
  it('gets no secret of the repository: it runs the code of a branch', () => {
    expect(workflows.find(({ file }) => file.endsWith('/plan.yml'))?.text).not.toContain('secrets.');
  });

  it('is not made for a fork', () => {
    const plan = workflows.find(({ file }) => file.endsWith('/plan.yml'))?.content.jobs['plan'];
    expect(plan?.if).toContain('github.event.pull_request.head.repo.full_name == github.repository');
  });
});

describe('a deployment', () => {
  it('is never ended for a newer one', () => {
    expect(deploy?.concurrency).toMatchObject({ 'cancel-in-progress': false });
  });

  it('has as many wave jobs as its guard lets through', () => {
    const guard = deploy?.jobs['waves']?.steps.find(({ env }) => env?.['JOBS'] !== undefined);
    expect(guard?.env?.['JOBS']).toBe(waves.length);
  });

  it('has as many wave jobs as the waves of the example', () => {
    expect(waves.length).toBe(wavesOf(exampleGraph().nodes).length);
  });

  it.each(waves.map(([name, job], index) => ({ name, job, index })))(
    '$name takes its own wave, after the one before',
    ({ name, job, index }) => {
      expect(name).toBe(`wave-${index + 1}`);
      expect(job.strategy?.matrix).toBe(`\${{ fromJSON(needs.waves.outputs.waves)[${index}] }}`);
      expect(job.needs).toEqual(index === 0 ? ['waves'] : ['waves', `wave-${index}`]);
      expect(job.if).toContain(`needs.waves.outputs.count >= ${index + 1} }}`);
    },
  );

  it.each(waves.slice(1))('%s runs where a job of the wave before failed, and not where the workflow was cancelled', (_, job) => {
    expect(job.if).toMatch(/!cancelled\(\) && /);
    expect(job.if).not.toContain('always()');
  });

  it.each(waves)('%s ends no job for another, and is behind the environment', (_, job) => {
    expect(job.strategy?.['fail-fast']).toBe(false);
    expect(job.environment).toBe('production');
  });

  it.each(waves)('%s does what every wave does', (_, job) => {
    expect(job.steps).toEqual(waves[0]?.[1].steps);
  });

  it.each(waves)('%s keeps what the bucket would not take, also where it is cancelled, for the person on call alone', (_, job) => {
    const kept = job.steps.at(-1);
    expect(kept?.if).toBe('${{ !success() }}');
    expect(kept?.uses).toBe('./.github/actions/spool');
    expect(kept?.with?.['certificate']).toBe('${{ vars.HOLDFAST_SPOOL_CERTIFICATE }}');
  });

  it.each([['waves', deploy?.jobs['waves']] as const, ...waves])(
    '%s is of the main branch alone, also where it is started by hand',
    (_, job) => {
      expect(job?.if).toContain("github.ref == 'refs/heads/main'");
    },
  );

  it('takes what a person types for names of stacks, and never for flags', () => {
    for (const { at, run } of steps.filter((step) => step.run?.includes('$STACKS')))
      expect(run, at).toMatch(/holdfast\.mjs (waves|up) [^\n]* -- \$STACKS( |$)/m);
  });

  it.each(waves)('%s outlasts its session', (_, job) => {
    expect(sessionOf(job)?.['session-seconds']).toBe(7200);
    expect(job['timeout-minutes']).toBeGreaterThanOrEqual(120 + 30);
  });

  it.each(waves)('%s has a session of a name that no other job has, and that STS takes', (name, job) => {
    const template = String(sessionOf(job)?.['session-name']);
    for (const part of ['github.run_id', 'github.run_attempt', 'github.job', 'strategy.job-index']) expect(template).toContain(part);
    const longest = template
      .replace(/\$\{\{ github\.run_id \}\}/, '123456789012')
      .replace(/\$\{\{ github\.run_attempt \}\}/, '100')
      .replace(/\$\{\{ github\.job \}\}/, name)
      .replace(/\$\{\{ strategy\.job-index \}\}/, '255');
    // https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    expect(longest).toMatch(/^[\w+=,.@-]{2,64}$/);
  });
});

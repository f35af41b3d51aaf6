import { describe, expect, it } from 'vitest';
import { readAction, readWorkflows } from '../support/workflows.ts';
import type { Job, Step } from '../support/workflows.ts';

const workflows = await readWorkflows();
const action = await readAction();
const jobs = workflows.flatMap(({ file, content }) => Object.entries(content.jobs).map(([name, job]) => ({ at: `${file} ${name}`, job })));
const steps: readonly (Step & { readonly at: string })[] = [
  ...jobs.flatMap(({ at, job }) => job.steps.map((step) => ({ ...step, at }))),
  ...action.content.map((step) => ({ ...step, at: action.file })),
];

const deploy = workflows.find(({ file }) => file.endsWith('/deploy.yml'))?.content;
const waves = Object.entries(deploy?.jobs ?? {}).filter(([name]) => /^wave-\d+$/.test(name));
const sessionOf = ({ steps }: Job): Step['with'] => steps.find(({ uses }) => uses === './.github/actions/holdfast')?.with;

describe('a workflow', () => {
  it.each([...workflows, action])('$file takes actions of others only by their commit, and says which release that is', ({ text }) => {
    const uses = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line) && !line.includes('uses: ./'));
    expect(uses).not.toEqual([]);
    for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

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

describe('the plan of a pull request', () => {
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

  it.each(waves)('%s keeps what the bucket would not take, also where it is cancelled', (_, job) => {
    const kept = job.steps.at(-1);
    expect(kept?.if).toBe('${{ !success() }}');
    expect(kept?.with).toMatchObject({ path: '.holdfast/spool', 'include-hidden-files': true });
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

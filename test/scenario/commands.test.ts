import { copyFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { readRecords } from '../../orchestrator/ownership/records.ts';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { lockedOut, RawPulumi } from '../support/raw-pulumi.ts';
import { nightly } from '../support/tier.ts';

const stack = 'small.vpc.one';

/** One story, in this order: each step begins with what the one before has left. */
describe('the commands of whoever is on call', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let raw: RawPulumi;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
    raw = await RawPulumi.open(rig.record);
  });
  afterAll(async () => {
    await raw.close();
    await rig.stop();
  });

  /** Stacks that are frozen by their records. */
  const frozen = async (): Promise<string[]> =>
    [...(await readRecords(new Bucket(rig.s3, rig.record.bucket), 'small')).byStack].flatMap(([name, { record }]) =>
      record.frozen ? [name] : [],
    );

  /** `locks --max-age 1s`, once it finds one: the bucket's clock keeps whole seconds. */
  const olderThanASecond = async () => {
    const looks: Awaited<ReturnType<LabRig['holdfast']>>[] = [];
    await expect
      .poll(
        async () => {
          looks.push(await rig.holdfast(['locks', '--max-age', '1s']));
          return looks.at(-1)?.exitCode;
        },
        { timeout: 30_000 },
      )
      .toBe(7);
    return { stdout: looks.at(-1)?.stdout ?? '' };
  };

  it('say that nothing is there yet', async () => {
    const locks = await rig.holdfast(['locks', '--max-age', '1s']);
    expect(locks.stdout).toContain('No lock stands on small.');
    expect(locks.exitCode).toBe(0);
    const runs = await rig.holdfast(['runs']);
    expect(runs.stdout).toContain('No run was ever made on small.');
    expect(runs.exitCode).toBe(0);
    expect((await rig.holdfast(['runs', 'x'])).exitCode).toBe(2);
  });

  it('show who is at work, and find a lock that is older than asked for', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['up', '--yes'], { CI_JOB_URL: 'https://ci.example/jobs/1' });
    const { held } = await rig.heldCall(run);

    const locks = await rig.holdfast(['locks']);
    expect(locks.stdout).toMatch(/^vpc\.one +at work +up +\d+ s +\w+@\S+ \(pid \d+, run \S+\) +alive +https:\/\/ci\.example\/jobs\/1$/m);
    expect(locks.exitCode).toBe(0);
    const json = await rig.holdfast(['locks', '--max-age', '20m', '--json']);
    expect(json.events).toHaveLength(1);
    expect(json.events[0]).toMatchObject({
      schema: 1,
      network: 'small',
      locks: [{ stack, by: 'run', standing: 'at-work', operation: 'up', pid: run.child.pid, liveness: 'alive', tooOld: false }],
    });
    expect(json.exitCode).toBe(0);

    const old = await olderThanASecond();
    expect(old.stdout).toMatch(
      /^OLD vpc\.one: locked for \d+ (s|min( \d+ s)?) by .*, up \(alive\)\. Do not release it without checking what AWS has/m,
    );
    expect(old.stdout).toContain('npm run status, and then npm run recover -- vpc.one');

    const refused = await rig.holdfast(['freeze', 'transit-gateway', 'vpc.one', '--incident', 'INC-7']);
    expect(refused.stdout).toMatch(/small\.vpc\.one is locked by .*, up\) since .*: nothing was frozen/);
    expect(refused.exitCode).toBe(6);
    expect(await frozen()).toEqual([]);

    const runs = await rig.holdfast(['runs']);
    expect(runs.stdout).toMatch(/ up +\w+@\S+ +\d\d:\d\d UTC +at work +5 stacks$/m);

    await rig.release(held[0]?.n ?? 0);
    expect((await run.ended).exitCode).toBe(0);
    expect((await rig.holdfast(['locks'])).stdout).toContain('No lock stands on small.');
  });

  it('tell a run as a timeline', async () => {
    const list = await rig.holdfast(['runs', '--json']);
    const [{ run } = { run: '' }] = (list.events[0]?.['runs'] ?? []) as { run: string }[];
    const listed = await rig.holdfast(['runs']);
    expect(listed.stdout).toMatch(new RegExp(`^${run} +up .* exit 0 `, 'm'));

    const timeline = await rig.holdfast(['runs', run.slice(0, -3)]);
    expect(timeline.stdout).toMatch(new RegExp(`^${run}  up  exit 0$`, 'm'));
    expect(timeline.stdout).toMatch(/^ {2}CI +https:\/\/ci\.example\/jobs\/1$/m);
    expect(timeline.stdout).toMatch(/^ {2}access keys +\w+$/m);
    const ofVpc = timeline.stdout.split('\n').filter((line) => /^\d\d:\d\d:\d\d vpc\.one /.test(line));
    expect(
      ofVpc.map((line) =>
        line
          .slice(9)
          .replace(/^\S+ +/, '')
          .replace(/ [0-9a-f]{8}$/, ''),
      ),
    ).toEqual(['engine started (up) where no checkpoint was', 'verified (applied) at checkpoint']);
    expect(timeline.stdout).toMatch(/^\d\d:\d\d:\d\d run +ended with exit code 0$/m);
    expect(timeline.exitCode).toBe(0);

    const unknown = await rig.holdfast(['runs', '1999']);
    expect(unknown.stdout).toContain(run);
    expect(unknown.exitCode).toBe(2);
  });

  it('freeze a stack against everyone', async () => {
    const freeze = await rig.holdfast(['freeze', 'vpc.one', '--incident', 'INC-7']);
    expect(freeze.stdout).toMatch(/^vpc\.one +frozen +by \w+@\S+ since \S+, incident INC-7$/m);
    expect(freeze.stdout).toContain('npm run unfreeze -- vpc.one --incident INC-7');
    expect(freeze.exitCode).toBe(0);

    const up = await rig.holdfast(['up', 'vpc.one', '--yes']);
    expect(up.stdout).toMatch(/small\.vpc\.one is frozen by \w+@\S+ since \S+, incident INC-7/);
    expect(up.exitCode).toBe(6);
    const refresh = await raw.run('refresh', stack);
    expect(refresh.output).toContain(lockedOut);
    expect(refresh.output).toContain('frozen: INC-7');
    expect(refresh.exitCode).not.toBe(0);

    const again = await rig.holdfast(['freeze', 'vpc.one', '--incident', 'INC-7']);
    expect(again.stdout).toMatch(/^vpc\.one +frozen already +by /m);
    expect(again.exitCode).toBe(0);
    const other = await rig.holdfast(['freeze', '--incident', 'INC-8']);
    expect(other.stdout).toContain('incident INC-7, and not INC-8: nothing was frozen');
    expect(other.exitCode).toBe(6);
    expect(await rig.locks()).toEqual([durableLockKey(stack)]);
    expect(await frozen()).toEqual([stack]);
    const old = await olderThanASecond();
    expect(old.stdout).toMatch(/^vpc\.one +FROZEN +freeze /m);
  });

  it('put the lock of a freeze back that pulumi cancel took', async () => {
    expect((await raw.run('cancel', stack)).exitCode).toBe(0);
    expect(await rig.locks()).toEqual([]);
    const locks = await rig.holdfast(['locks']);
    expect(locks.stdout).toMatch(
      /The lock of small\.vpc\.one was removed by somebody.*It is back in its place; the stack is frozen as before/,
    );
    expect(await rig.locks()).toEqual([durableLockKey(stack)]);
    expect((await raw.run('refresh', stack)).output).toContain(lockedOut);
  });

  it('give plain pulumi what it needs for that stack, and warn whoever asks', async () => {
    const asked = await rig.holdfast(['env', 'vpc.one']);
    expect(asked.exitCode).toBe(0);
    expect(asked.stderr).toMatch(/FROZEN: small\.vpc\.one is frozen by .* Do not cancel its lock/);
    // The project's own settings, elsewhere: the CLI writes the stack's configuration beside them.
    await copyFile(new URL('../../Pulumi.yaml', import.meta.url), join(rig.folder, 'Pulumi.yaml'));
    await symlink(fileURLToPath(new URL('../../stacks', import.meta.url)), join(rig.folder, 'stacks'));
    const inShell = (command: string) =>
      execa('sh', ['-eu', '-c', `eval "$HOLDFAST_ENV"; ${command}`], {
        cwd: rig.folder,
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: process.env['HOME'] ?? '',
          PULUMI_HOME: `${rig.folder}/pulumi`,
          HOLDFAST_ENV: asked.stdout,
        },
        extendEnv: false,
        reject: false,
        all: true,
      });
    const exported = await inShell('pulumi stack export');
    expect(exported.all).toContain('aws:ec2/vpc:Vpc');
    expect(exported.exitCode).toBe(0);
    const refresh = await inShell('pulumi refresh --preview-only --non-interactive --expect-no-changes');
    expect(refresh.all).toMatch(/\d+ unchanged/);
    expect(refresh.exitCode).toBe(0);
    const real = await inShell('pulumi refresh --yes --non-interactive');
    expect(real.all).toContain(lockedOut);

    const unknown = await rig.holdfast(['env', 'vpc.on']);
    expect(unknown.stdout).toMatch(/^false; #/);
    expect(unknown.stderr).toContain('Did you mean "vpc.one"?');
    expect(unknown.exitCode).toBe(2);
    const json = await rig.holdfast(['env', 'vpc.one', '--json']);
    expect(json.events[0]).toMatchObject({ schema: 1, stack, variables: { PULUMI_STACK: `organization/holdfast/${stack}` } });
  });

  it('unfreeze it for the incident that froze it, and for no other', async () => {
    expect((await rig.holdfast(['unfreeze', '--incident', 'INC-7'])).exitCode).toBe(2);
    const other = await rig.holdfast(['unfreeze', '--all', '--incident', 'INC-8']);
    expect(other.stdout).toContain('incident INC-7, and not INC-8: nothing was unfrozen');
    expect(other.exitCode).toBe(2);
    expect(await rig.locks()).toEqual([durableLockKey(stack)]);

    const unfreeze = await rig.holdfast(['unfreeze', '--all', '--incident', 'INC-7']);
    expect(unfreeze.stdout).toMatch(/^vpc\.one +unfrozen +it was frozen by \w+@\S+ since \S+, incident INC-7$/m);
    expect(unfreeze.exitCode).toBe(0);
    expect(await rig.locks()).toEqual([]);
    expect(await frozen()).toEqual([]);
    const again = await rig.holdfast(['unfreeze', 'vpc.one', '--incident', 'INC-7']);
    expect(again.stdout).toMatch(/^vpc\.one +not frozen$/m);
    expect(again.exitCode).toBe(0);

    expect((await rig.holdfast(['up', 'vpc.one', '--yes'])).exitCode).toBe(0);
    const refresh = await raw.run('refresh', stack);
    expect(refresh.exitCode, refresh.output).toBe(0);
  });

  nightly('leave a held stack held, frozen or not', async () => {
    await rig.writeNetwork(smallNetwork.replace('private: { a: 10.1.0.0/24 }', 'private: { a: 10.1.0.0/24, b: 10.1.1.0/24 }'));
    await rig.fault({ match: { service: 'ec2', action: 'CreateSubnet', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['up', 'vpc.one', '--yes']);
    const { held } = await rig.heldCall(run);
    run.child.kill('SIGKILL');
    await run.ended;
    await rig.release(held[0]?.n ?? 0);

    const locks = await rig.holdfast(['locks']);
    expect(locks.stdout).toMatch(/^vpc\.one +HELD +up .* dead$/m);
    expect(locks.stdout).toMatch(/^HELD vpc\.one: .* Next: npm run recover -- vpc\.one$/m);
    expect((await rig.holdfast(['runs', '--limit', '1'])).stdout).toMatch(/died, open: 1 held/);

    const freeze = await rig.holdfast(['freeze', 'vpc.one', '--incident', 'INC-9']);
    expect(freeze.stdout).toContain('it keeps the lock that it has; HELD vpc.one');
    expect(freeze.exitCode).toBe(0);
    expect((await rig.holdfast(['up', 'vpc.one', '--yes', '--no-settle'])).exitCode).toBe(4);
    const unfreeze = await rig.holdfast(['unfreeze', 'vpc.one', '--incident', 'INC-9']);
    expect(unfreeze.stdout).toMatch(/^vpc\.one +unfrozen .*it stays held: HELD vpc\.one: /m);
    expect(unfreeze.exitCode).toBe(4);
    expect(await rig.locks()).toEqual([durableLockKey(stack)]);
    expect((await raw.run('refresh', stack)).output).toContain(lockedOut);
  });
});

import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { follow } from '../../lab/command.ts';
import type { RunningCommand } from '../../lab/command.ts';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { runsPrefix } from '../../orchestrator/state/layout.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { nightly, tier } from '../support/tier.ts';

const script = fileURLToPath(new URL('../support/holdfast-ahead.ts', import.meta.url));

/** Of a session of two hours: what is left is under the minimum of 30 minutes, and enough for a stack. */
const short = 95 * 60;

/** What is left is less than the time in which an engine is told that its session ends. */
const almostOver = 7200 - 15;

/** What is left is not enough for a stack. */
const tooShort = 115 * 60;

describe('a session by web identity that gets short in the middle of a run', { concurrent: false }, () => {
  let rig: LabRig;
  let token: string;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
    token = join(rig.folder, 'token');
  });
  afterEach(() => rig.reset());
  afterAll(() => rig.stop());

  /** The clock is that much ahead once the gateway's stack was applied, or another moment came. */
  async function up(aheadSeconds: number, at = 'transit-gateway'): Promise<RunningCommand> {
    await writeFile(token, 'a token of the CI');
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(
      process.execPath,
      [
        '--import',
        new URL('../../toolchain/tsx.mjs', import.meta.url).href,
        script,
        at,
        String(aheadSeconds),
        'up',
        '--yes',
        '--json',
        '--no-settle',
      ],
      {
        cwd: rig.folder,
        env: {
          PATH,
          HOME,
          HOLDFAST_LAB_DIR: join(rig.folder, 'lab'),
          AWS_ENDPOINT_URL: rig.record.endpoint,
          AWS_ROLE_ARN: `arn:aws:iam::${rig.record.accountId}:role/deployer`,
          AWS_WEB_IDENTITY_TOKEN_FILE: token,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    return follow(child);
  }

  /** Access keys of the calls that made what is tagged for each stack, in their order. */
  async function keysByStack(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const keys = new Map<string, Set<string>>();
    for (const { params, accessKeyId } of await rig.calls({ service: 'ec2', mutating: true })) {
      const [name] = Object.entries(params).find(([, value]) => value === 'holdfast:stack') ?? [];
      const stack = name === undefined ? undefined : params[name.replace(/Key$/, 'Value')];
      if (stack !== undefined && accessKeyId !== null) keys.set(stack, (keys.get(stack) ?? new Set()).add(accessKeyId));
    }
    return keys;
  }

  it('is assumed anew between stacks, and each key is in the journal before it is used', async () => {
    const { exitCode, events } = await (await up(short)).ended;
    expect(events.findLast(({ type }) => type === 'summary')).toMatchObject({
      ends: ['transit-gateway', 'vpc.one', 'member.one', 'route-tables.one', 'segment.main'].map((short) => ({
        short,
        end: { outcome: 'applied' },
      })),
    });
    expect(exitCode).toBe(0);

    const keys = await keysByStack();
    const used = ['small.transit-gateway', 'small.vpc.one'].map((stack) => [...(keys.get(stack) ?? [])]);
    // One key a stack, and the later ones have others than the first.
    expect(used.map((ofStack) => ofStack.length)).toEqual([1, 1]);
    expect(used[1]).not.toEqual(used[0]);

    const bucket = new Bucket(rig.s3, rig.record.bucket);
    const journal = (await bucket.list(runsPrefix('small'))).map(({ key }) => key).filter((key) => key.includes('session-renewed'));
    const renewed = await Promise.all(
      journal.map(
        async (key) => (JSON.parse((await bucket.get(key))?.body ?? '{}') as { session: { accessKeyId: string; session: string } }).session,
      ),
    );
    // Of a route nothing says whose it is: of the five keys that changed AWS all but the first are of renewals.
    const changing = new Set((await rig.calls({ service: 'ec2', mutating: true })).map(({ accessKeyId }) => accessKeyId ?? ''));
    expect(changing.size).toBe(5);
    expect(new Set([...(used[0] ?? []), ...renewed.map(({ accessKeyId }) => accessKeyId)])).toEqual(changing);
    // Of one name: by it CloudTrail tells what the run did.
    expect(new Set(renewed.map(({ session }) => session)).size).toBe(1);
    const calls = await rig.calls();
    for (const { accessKeyId } of renewed) {
      const writtenDown =
        calls.find(({ action, key }) => action === 'PutObject' && key?.includes('session-renewed') === true)?.seq ?? Infinity;
      expect(calls.find((call) => call.service === 'ec2' && call.accessKeyId === accessKeyId)?.seq).toBeGreaterThan(writtenDown);
    }
    const assumed = calls.filter(({ action }) => action === 'AssumeRoleWithWebIdentity');
    expect(assumed.length).toBeGreaterThanOrEqual(3);
    for (const { params } of assumed.slice(-renewed.length)) {
      expect(params).toMatchObject({ DurationSeconds: '7200', RoleSessionName: renewed[0]?.session });
      // The token is asked for at each renewal, and is nowhere.
      expect(params['WebIdentityToken']).not.toBe('a token of the CI');
    }
  });

  // At night, as it takes a minute. On a push the same is tried over a played engine (test/unit/stack-run.test.ts).
  if (tier === 'all')
    it('and ends while a call of a step is never answered: the stack is held with that as the reason, at once, and recovered', async () => {
      await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'after' } });
      const run = await up(almostOver, 'step:vpc.one');
      await rig.heldCall(run);
      await rm(token);
      const { exitCode, events } = await run.ended;
      expect(events).toContainEqual(expect.objectContaining({ type: 'session-ends', short: 'vpc.one' }));
      const summary = events.findLast(({ type }) => type === 'summary') as { ends: { short: string; end: { errors?: string[] } }[] };
      expect(summary.ends).toMatchObject([
        { short: 'transit-gateway', end: { outcome: 'applied' } },
        { short: 'vpc.one', end: { outcome: 'held' } },
        { short: 'member.one', end: { outcome: 'skipped' } },
        { short: 'route-tables.one', end: { outcome: 'skipped' } },
        { short: 'segment.main', end: { outcome: 'skipped' } },
      ]);
      expect(summary.ends[1]?.end.errors?.at(-1)).toMatch(/^its engine was ended with the session .* Next: npm run recover -- vpc\.one$/);
      expect(exitCode).toBe(4);
      await rig.clearFaults();
      expect((await rig.holdfast(['status'])).stdout).toMatch(/HELD vpc\.one: its engine was ended with the session/);
      expect((await rig.holdfast(['recover', 'vpc.one', '--yes'])).exitCode).toBe(0);
      expect((await lookAtAws(rig.ec2)).vpcs).toEqual(['small.vpc.one/vpc 10.1.0.0/16']);
      expect((await rig.holdfast(['up', '--yes'])).exitCode).toBe(0);
    });

  nightly('and cannot be assumed any more, with too little left for the next stack: that is not started, and nothing is held', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = await up(tooShort);
    const { held } = await rig.heldCall(run);
    await rm(token);
    await rig.clearFaults();
    expect(held).toHaveLength(1);
    const { exitCode, events } = await run.ended;
    expect(events.findLast(({ type }) => type === 'summary')).toMatchObject({
      ends: [
        { short: 'transit-gateway', end: { outcome: 'applied' } },
        {
          short: 'vpc.one',
          end: { outcome: 'not-started', because: expect.stringMatching(/the session has .+ left, and vpc\.one needs 7 min/) as string },
        },
        { short: 'member.one', end: { outcome: 'skipped' } },
        { short: 'route-tables.one', end: { outcome: 'skipped' } },
        { short: 'segment.main', end: { outcome: 'skipped' } },
      ],
    });
    expect(exitCode).toBe(3);
    expect(await rig.locks()).toEqual([]);
    expect((await lookAtAws(rig.ec2)).vpcs).toEqual([]);
  });
});

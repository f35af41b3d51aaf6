import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { readRecords } from '../../orchestrator/ownership/records.ts';
import { interruptTwice } from '../support/interruptions.ts';
import type { LabRig, RunningCommand } from '../support/lab-rig.ts';
import { engineBelow, engineProcessesBelow, killTree, signal, signalledUntilGone } from '../support/processes.ts';
import type { Point } from './calls.ts';

/**
 * When a fault strikes at a call. `before`: it is on its way, and AWS has not seen it. `accepted`: AWS has done it, and nobody has heard. `after`: the
 * reply has arrived.
 */
export const moments = ['before', 'accepted', 'after'] as const;
export type Moment = (typeof moments)[number];

/** Those at which there is a call to strike at. */
export type Struck = Exclude<Moment, 'after'>;

/** A case that is run, or why another one stands for it. */
export type Verdict = { readonly run: true } | { readonly run: false; readonly because: string };

export interface Strike {
  readonly rig: LabRig;
  readonly run: RunningCommand;
  /** Of the session that the run has. */
  readonly accessKeyId: string;
  /** Lets the held call go on, or cuts it off. A call whose sender was ended does not arrive, and a reply to nobody is lost. */
  readonly release: (how: 'go-on' | 'cut') => Promise<void>;
  /** In the case's own process, as another person would. */
  readonly recover: () => Promise<number>;
}

export interface Fault {
  readonly name: string;
  readonly what: string;
  readonly at: (point: Point, moment: Struck) => Verdict;
  /** Faults of the lab that are set before the run; the call is not held then. */
  readonly orders?: (point: Point) => readonly object[];
  /** What is done while the call is held. */
  readonly strike?: (strike: Strike, point: Point, moment: Struck) => Promise<void>;
  /** Further text of the network file. */
  readonly network?: (text: string) => string;
  /** Two objects of one resource may come of it: `recover` then asks, and gets the answer that it prints. */
  readonly asks?: boolean;
  /** The command must not end as if nothing had been. */
  readonly mustFail?: boolean;
  /** Faults that last until after the recovery. */
  readonly lasting?: readonly object[];
}

const run: Verdict = { run: true };
const same = (because: string): Verdict => ({ run: false, because });

const noEngine = same('no engine is at work then');
const senderLives = same('the sender is not hit, so that the call arrives all the same: as at "accepted"');
const senderDead = same(
  'the sender is dead, so that the reply changes nothing: what AWS and the bucket have is what they have before its next call',
);
const nothingInCall = same('no call of the provider is under way: as before its next call');

/** Of writes of the checkpoint with no call of AWS between them, the first and the last stand for all. */
const within = same('between two writes of the checkpoint without a call of AWS between: as at the last of them');
const inSeries = (point: Point): boolean => point.role === 'checkpoint' && !point.afterEc2 && !point.beforeEc2 && point.match.nth !== 1;

type Victim = 'cli' | 'provider' | 'orchestrator';

async function killAll({ run: { child, ended } }: Strike, victims: readonly Victim[], point: Point): Promise<void> {
  const orchestrator = child.pid ?? 0;
  const engine = point.inEngine ? await engineProcessesBelow(orchestrator) : {};
  const pids = { orchestrator, cli: engine.cli, provider: engine.plugin };
  for (const victim of victims) signal(pids[victim], 'SIGKILL');
  if (victims.includes('orchestrator')) await ended;
}

const killing = (name: string, victims: readonly Victim[], at: Fault['at']): Fault => ({
  name,
  what: `killed: ${victims.join(', ')}`,
  at,
  strike: async (strike, point) => {
    await killAll(strike, victims, point);
    const sender: Victim = point.role === 'ec2' ? 'provider' : 'orchestrator';
    await strike.release(victims.includes(sender) ? 'cut' : 'go-on');
  },
});

const refusal = (service: string): object => ({
  match: { service },
  do:
    service === 'ec2'
      ? { kind: 'refuse', code: 'UnauthorizedOperation', status: 403, message: 'You are not authorized to perform this operation.' }
      : { kind: 'refuse', code: 'AccessDenied', status: 403, message: 'Access Denied' },
});

const refusing = (name: string, what: string, services: readonly string[], at: Fault['at']): Fault => ({
  name,
  what,
  at,
  strike: async ({ rig, release }, _, moment) => {
    for (const service of services) await rig.fault(refusal(service));
    // What was on its way is tried again by whoever sent it, and refused.
    await release(moment === 'before' ? 'cut' : 'go-on');
  },
});

const ending = (name: string, what: string, end: (strike: Strike) => Promise<void>, at: Fault['at']): Fault => ({
  name,
  what,
  at,
  strike: async (strike) => {
    await end(strike);
    await strike.release('go-on');
  },
});

const refusedNext = same('what follows is refused: as before the next call');
const sameWrite = same('the same write, by the same code, as in first-deploy/transit-gateway');
const isFirst = ({ part }: Point): boolean => part === 'first-deploy/transit-gateway';

const sessionOver: Fault['at'] = (point, moment) => {
  if (inSeries(point)) return within;
  if (point.role === 'ec2') return run;
  if (moment === 'accepted') return refusedNext;
  if (point.role === 'checkpoint' && isFirst(point)) return run;
  return same('a write that is refused, whatever the reason, and no step begins after it: as with s3-refused');
};

/** Where Holdfast's own writes are what it does before its engine, after it and at its end, one of each. */
const phases = new Set(['journal run-opened', 'record', 'lock', 'record 2', 'record 3', 'removal of lock']);

export const faults: readonly Fault[] = [
  killing('cli-killed', ['cli'], (point, moment) => {
    if (!point.inEngine) return noEngine;
    if (inSeries(point)) return within;
    return (moment === 'before') === (point.role === 'checkpoint') ? run : senderLives;
  }),
  killing('provider-killed', ['provider'], (point) => {
    if (!point.inEngine) return noEngine;
    return point.role === 'ec2' ? run : nothingInCall;
  }),
  killing('orchestrator-killed', ['orchestrator'], (point, moment) => {
    if (inSeries(point)) return within;
    if (point.role === 'ec2') return moment === 'accepted' ? run : senderLives;
    if (point.role === 'checkpoint') return run;
    return moment === 'before' ? run : senderDead;
  }),
  killing('cli-and-provider-killed', ['cli', 'provider'], (point) => {
    if (!point.inEngine) return noEngine;
    return point.role === 'ec2' ? run : same('no call of the provider is under way: as with cli-killed');
  }),
  killing('orchestrator-and-cli-killed', ['orchestrator', 'cli'], (point, moment) => {
    if (!point.inEngine) return same('no engine is at work then: as with orchestrator-killed');
    if (point.role === 'ec2' && moment === 'accepted' && point.match.nth === 1 && isFirst(point)) return run;
    return same('the engine cannot write without its gateway, and begins no step: as with orchestrator-killed');
  }),
  killing('orchestrator-and-provider-killed', ['orchestrator', 'provider'], (point) => {
    if (!point.inEngine) return same('no engine is at work then: as with orchestrator-killed');
    if (point.role === 'ec2' && isFirst(point)) return run;
    return same('the engine cannot write without its gateway: with its provider dead, as with everything-killed');
  }),
  killing('everything-killed', ['orchestrator', 'cli', 'provider'], (point) => {
    if (!point.inEngine) return same('no engine is at work then: as with orchestrator-killed');
    return point.role === 'ec2' ? run : same('the engine cannot write without its gateway: as with orchestrator-killed');
  }),
  {
    name: 'one-sigint',
    what: 'Holdfast gets one SIGINT',
    at: (point, moment) => {
      if (moment === 'accepted') return point.role === 'ec2' ? run : same('the call is not touched: as before it');
      if (point.role === 'ec2') return senderLives;
      if (point.role === 'own' && phases.has(point.name)) return run;
      return same(
        'a first signal touches no call: as at the next of its phase (before the lock, before the engine, in it, after it) that is run',
      );
    },
    strike: async ({ run: { child, event }, release }) => {
      child.kill('SIGINT');
      await event(({ type }) => type === 'draining');
      await release('go-on');
    },
  },
  {
    name: 'two-sigints',
    what: 'Holdfast gets two SIGINTs',
    at: (point, moment) => {
      if (inSeries(point)) return within;
      if (point.role === 'ec2') return moment === 'accepted' ? run : senderLives;
      if (moment === 'accepted') return same('the call is not touched: as before it');
      if (point.role === 'checkpoint') return run;
      return point.role === 'own' && phases.has(point.name) ? run : same('no engine is there to interrupt: as with one-sigint');
    },
    strike: async (strike) => {
      await interruptTwice(strike.run);
      await strike.release('go-on');
    },
  },
  {
    name: 'cli-two-sigints',
    what: 'the CLI itself gets SIGINTs until it ends',
    at: (point, moment) => {
      if (!point.inEngine) return noEngine;
      if (point.role !== 'ec2') return same('no step is under way that it could let go of: as with cli-killed');
      return moment === 'accepted' ? run : senderLives;
    },
    strike: async ({ run: { child }, release }) => {
      await signalledUntilGone((await engineBelow(child.pid ?? 0)).cli, 'SIGINT');
      await release('go-on');
    },
  },
  {
    name: 'orchestrator-paused',
    what: 'Holdfast gets a SIGSTOP, somebody tries to recover, and it gets a SIGCONT',
    at: (point, moment) => {
      if (moment === 'accepted') return point.role === 'ec2' ? run : same('the call is not touched: as before it');
      if (point.role === 'ec2') return senderLives;
      if (point.role === 'checkpoint' && isFirst(point)) return inSeries(point) ? within : run;
      return point.role === 'own' && phases.has(point.name)
        ? run
        : same('a paused process does nothing, and nobody takes over from one that lives: as at the next point of its phase that is run');
    },
    strike: async ({ run: { child }, release, recover }) => {
      signal(child.pid, 'SIGSTOP');
      const code = await recover();
      // Nothing is held before the lock; after it, whoever lives is not taken over from.
      if (code !== 0 && code !== 6) throw new Error(`recover ended with ${code} while the run was paused`);
      await release('go-on');
      signal(child.pid, 'SIGCONT');
    },
  },
  {
    name: 'cli-paused',
    what: 'the CLI gets a SIGSTOP, and a SIGCONT when the call is over',
    at: (point, moment) => {
      if (!point.inEngine) return noEngine;
      if (point.role !== 'ec2') return same('it waits for this write anyway: as at the next call of AWS');
      return moment === 'accepted' ? run : senderLives;
    },
    strike: async ({ run: { child }, release }) => {
      const { cli } = await engineBelow(child.pid ?? 0);
      signal(cli, 'SIGSTOP');
      await release('go-on');
      signal(cli, 'SIGCONT');
    },
  },
  {
    name: 'session-expired',
    what: 'the session expires; a job whose provider tries on, for minutes, is ended by its CI (SIGTERM, then SIGKILL)',
    at: sessionOver,
    strike: async (strike, point) => {
      const { rig, run: command, accessKeyId, release } = strike;
      await rig.expire(accessKeyId);
      await release('go-on');
      if (point.role !== 'ec2') return;
      await Promise.race([command.ended, rig.refused('RequestExpired')]);
      if (command.child.exitCode !== null) return;
      const { cli, plugin } = await engineBelow(command.child.pid ?? 0);
      command.child.kill('SIGTERM');
      await command.event(({ type }) => type === 'draining');
      for (const pid of [command.child.pid, cli, plugin]) signal(pid, 'SIGKILL');
    },
  },
  ending('session-revoked', 'the session is revoked', ({ rig, accessKeyId }) => rig.revoke(accessKeyId), sessionOver),
  refusing('s3-refused', 'the bucket refuses everything from then on', ['s3'], (point, moment) => {
    if (inSeries(point)) return within;
    if (point.role === 'ec2') return same('AWS is not hit: as before the next write');
    return moment === 'before' ? run : refusedNext;
  }),
  refusing('ec2-refused', 'EC2 refuses everything from then on', ['ec2'], (point) =>
    point.role === 'ec2' ? run : same('the bucket is not hit: as before the next call of AWS'),
  ),
  refusing('both-refused', 'the bucket and EC2 refuse everything from then on', ['s3', 'ec2'], (point, moment) =>
    point.role === 'ec2' && moment === 'accepted' ? run : same('refused with the codes of a revoked session: as with session-revoked'),
  ),
  {
    name: 'throttled',
    what: 'the call is throttled twice, then taken',
    at: (point, moment) => {
      if (moment === 'accepted') return same('a throttled call was never made: as before it');
      if (inSeries(point)) return within;
      return point.role === 'ec2' || isFirst(point) ? run : sameWrite;
    },
    orders: ({ match }) => [{ match: { ...match, times: 2 }, do: { kind: 'throttle' } }],
  },
  {
    name: 'reply-lost',
    what: 'the reply is lost, and whoever sent the call sends it again',
    at: (point, moment) => {
      if (moment === 'before') return same('there is no reply yet: as at "accepted"');
      if (inSeries(point)) return within;
      return point.role === 'ec2' || isFirst(point) ? run : sameWrite;
    },
    orders: ({ match }) => [{ match: { ...match, times: 1 }, do: { kind: 'lose-reply' } }],
    asks: true,
  },
  {
    name: 'stale-describes',
    what: 'EC2 does not show for 4 s what is new, and the CLI is killed',
    at: (point, moment) => {
      if (point.role !== 'ec2') return same('only describes of AWS are stale: as at the next call of AWS');
      return moment === 'accepted' ? run : senderLives;
    },
    network: (text) => text.replace('staleness: 1s', 'staleness: 5s'),
    lasting: [{ match: { service: 'ec2' }, do: { kind: 'stale', seconds: 4 } }],
    strike: async (strike, point) => {
      await killAll(strike, ['cli'], point);
      await strike.release('go-on');
    },
  },
  {
    name: 'spool-refused',
    what: 'the bucket refuses everything, and the disk takes no spool',
    at: (point, moment) => {
      if (point.role !== 'checkpoint') return same('only checkpoints go to the spool: as at the next write of one');
      if (!point.afterEc2) return same('it has nothing of AWS that an earlier one has not: as with s3-refused');
      return moment === 'before' ? run : refusedNext;
    },
    strike: async ({ rig, release }) => {
      const { byStack } = await readRecords(new Bucket(rig.s3, rig.record.bucket), 'small');
      const [running] = [...byStack.values()].flatMap(({ record }) => (record.phase === 'running' ? [record.run.by.run] : []));
      if (running === undefined) throw new Error('by the records, no run has started an engine');
      const folder = fileURLToPath(new URL(`../../.holdfast/spool/small/${running}`, import.meta.url));
      await mkdir(dirname(folder), { recursive: true });
      // A file in the folder's place: a disk that is full would need one of its own.
      await writeFile(folder, '');
      await rig.fault(refusal('s3'));
      await release('cut');
    },
  },
  {
    name: 'slow-bucket',
    what: 'each write takes 400 ms more',
    at: (point, moment) =>
      point.name === 'journal run-opened' && moment === 'before' ? run : same('every write of the run is slow, not one: as at the first'),
    orders: () => [{ match: { service: 's3', mutating: true }, do: { kind: 'delay', ms: 400 } }],
  },
];

const everyWrite: Fault['at'] = (_, moment) =>
  moment === 'before' ? run : same('nothing is under way but this write: as before the next one');

/** What may befall a recovery in its turn, at each call that it makes. */
export const secondFaults: readonly Fault[] = [
  {
    name: 'killed',
    what: 'the recovery and its engine are killed',
    at: everyWrite,
    strike: async ({ run: { child, ended }, release }) => {
      await killTree(child.pid ?? 0);
      await ended;
      await release('cut');
    },
  },
  {
    name: 'two-sigints',
    what: 'the recovery gets two SIGINTs',
    at: everyWrite,
    strike: async (strike) => {
      await interruptTwice(strike.run);
      await strike.release('go-on');
    },
  },
  refusing('s3-refused', 'the bucket refuses everything from then on', ['s3'], everyWrite),
  ending('session-revoked', 'the session is revoked', ({ rig, accessKeyId }) => rig.revoke(accessKeyId), everyWrite),
  {
    name: 'reply-lost',
    what: 'the reply is lost, and the recovery sends the call again',
    at: (_, moment) => (moment === 'accepted' ? run : same('there is no reply yet: as at "accepted"')),
    orders: ({ match }) => [{ match: { ...match, times: 1 }, do: { kind: 'lose-reply' } }],
  },
  {
    name: 'overtaken',
    what: 'somebody else writes the checkpoint while the write of the recovery is on its way',
    at: (point, moment) =>
      point.role === 'checkpoint' && moment === 'before' ? run : same('it writes no checkpoint then: as before it next does'),
    mustFail: true,
    strike: async ({ rig, release }, { match }) => {
      const object = { Bucket: rig.record.bucket, Key: match.key };
      const { Body } = await rig.s3.send(new GetObjectCommand(object));
      const theirs = JSON.parse((await Body?.transformToString()) ?? '') as object;
      // The same in other white space: another version, with nothing in it that an engine would not be shown.
      await rig.s3.send(new PutObjectCommand({ ...object, Body: JSON.stringify(theirs, undefined, 1) }));
      await release('go-on');
    },
  },
];

import type { ProcessLook, Suspects } from '../../toolchain/process-identity.ts';
import { isHeardOf } from '../locks/heartbeat.ts';
import type { Heartbeats, NamedProcess } from '../locks/heartbeat.ts';
import type { ProcessRecord } from '../locks/lock-record.ts';
import { livenessOf } from './liveness.ts';
import type { StoredObject } from '../state/object-store.ts';
import { fewAtOnce } from '../state/bounded.ts';
import type { Liveness, LivenessFacts } from './liveness.ts';

/** This process, and how it sees others. */
export interface Observer {
  /** This machine. */
  readonly machine: string;
  /** This user. */
  readonly user: string;
  /** At the process table of this machine. */
  readonly lookAt: (process: ProcessRecord) => Promise<ProcessLook>;
}

export interface Heard {
  readonly heard: Heartbeats;
  /** The same once more, as it is now. */
  readonly hearAgain: () => Promise<Heartbeats>;
  /** Whether the process itself writes that heartbeat. @throws where it cannot be asked */
  readonly isOf: (listed: StoredObject, process: NamedProcess) => Promise<boolean>;
  readonly now: number;
}

/** A process is a machine, a number, a start and a nonce: by the nonce alone, which is there for all to read, one record could speak for another. */
export const identityKeyOf = ({ nonce, machine, pid, processStartedAt }: ProcessRecord): string =>
  JSON.stringify([nonce, machine, pid, processStartedAt]);

/**
 * Looks at each process that a record names. Of one that is not seen to live here its heartbeat is read, too: that one lies at its key says nothing.
 * @returns what is known of each of them (of any other, as of one that is elsewhere); and, for people, when the heartbeat of each nonce was last put, but
 * for those that a named process does not write. A nonce is no identity: nothing is decided by those
 */
export async function seeProcesses(
  records: readonly NamedProcess[],
  { machine, user, lookAt }: Observer,
  { heard, hearAgain, isOf, now }: Heard,
): Promise<{ readonly liveness: (process: ProcessRecord) => Liveness; readonly heard: ReadonlyMap<string, Date> }> {
  const processes = new Map(records.map((record) => [identityKeyOf(record), record]));
  const ofNonce = new Map<string, number>();
  for (const { nonce } of processes.values()) ofNonce.set(nonce, (ofNonce.get(nonce) ?? 0) + 1);
  const looks = new Map<string, ProcessLook>();
  const here = [...processes].filter(([, record]) => record.machine === machine);
  await fewAtOnce(here, async ([key, record]) => looks.set(key, await lookAt(record)));
  // One who was heard of after the look was there at the look. By the bucket alone: no two clocks are compared.
  const isMissed = [...processes].some(([key, record]) => looks.has(key) && lookOf(record, looks.get(key)) !== 'same');
  const heardSince = isMissed ? await hearAgain() : heard;
  const lastHeard = new Map<string, Date>();
  await fewAtOnce([...processes], async ([key, record]) => {
    const beat = heardSince.get(record.nonce);
    if (beat === undefined) return;
    if (lookOf(record, looks.get(key)) === 'same' || (await isOf(beat, record))) lastHeard.set(key, beat.modified);
  });
  const liveness = (record: ProcessRecord): Liveness => {
    const { nonce } = record;
    const look = looks.get(identityKeyOf(record));
    const last = lastHeard.get(identityKeyOf(record));
    const heartbeat = (): LivenessFacts['heartbeat'] => {
      if (last === undefined) return 'never';
      if (last.getTime() > (heard.get(nonce)?.modified.getTime() ?? 0)) return 'since-the-look';
      return isHeardOf(last, now) ? 'recent' : 'old';
    };
    return livenessOf({
      look: lookOf(record, look),
      others: look?.kind === 'absent' ? look.others : 'hidden',
      user: record.user === user ? 'own' : 'other',
      records: (ofNonce.get(nonce) ?? 0) > 1 ? 'disagree' : 'agree',
      heartbeat: heartbeat(),
    });
  };
  const isMadeUp = new Set([...processes].flatMap(([key, { nonce }]) => (lastHeard.has(key) ? [] : [nonce])));
  const told = [...heardSince].flatMap(([nonce, { modified }]) => (isMadeUp.has(nonce) ? [] : [[nonce, modified] as const]));
  return { liveness, heard: new Map(told) };
}

/** Which processes may be an engine of that orchestrator's, where they do not show what they were started with. */
export const suspectsOf = ({ user, processStartedAt }: ProcessRecord, ownUser: string): Suspects => ({
  users: user === ownUser ? 'own' : 'all',
  since: processStartedAt,
});

function lookOf({ processStartedAt }: ProcessRecord, look: ProcessLook | undefined): LivenessFacts['look'] {
  switch (look?.kind) {
    case undefined:
      return 'elsewhere';
    case 'seen':
      return look.startedAt === processStartedAt ? 'same' : 'other-start';
    case 'ended':
    case 'absent':
      return look.kind;
    case 'cannot-look':
      return look.reason === 'hidden' ? 'permission' : look.reason;
    default:
      return look satisfies never;
  }
}

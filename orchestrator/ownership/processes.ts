import type { ProcessLook, Suspects } from '../../toolchain/process-identity.ts';
import { isHeardOf } from '../locks/heartbeat.ts';
import type { ProcessRecord } from '../locks/lock-record.ts';
import { livenessOf } from './liveness.ts';
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
  /** When each process was last heard of, by nonce. */
  readonly heard: ReadonlyMap<string, Date>;
  /** The same once more, as it is now. */
  readonly hearAgain: () => Promise<ReadonlyMap<string, Date>>;
  readonly now: number;
}

/** A process is a machine, a number, a start and a nonce: by the nonce alone, which is there for all to read, one record could speak for another. */
export const identityKeyOf = ({ nonce, machine, pid, processStartedAt }: ProcessRecord): string =>
  JSON.stringify([nonce, machine, pid, processStartedAt]);

/**
 * Looks at each process that a record names.
 * @returns what is known of each of them (of any other, as of one that is elsewhere), and when each was last heard of
 */
export async function seeProcesses(
  records: readonly ProcessRecord[],
  { machine, user, lookAt }: Observer,
  { heard, hearAgain, now }: Heard,
): Promise<{ readonly liveness: (process: ProcessRecord) => Liveness; readonly heard: ReadonlyMap<string, Date> }> {
  const processes = new Map(records.map((record) => [identityKeyOf(record), record]));
  const ofNonce = new Map<string, number>();
  for (const { nonce } of processes.values()) ofNonce.set(nonce, (ofNonce.get(nonce) ?? 0) + 1);
  const looks = new Map<string, ProcessLook>();
  await Promise.all(
    [...processes].filter(([, record]) => record.machine === machine).map(async ([key, record]) => looks.set(key, await lookAt(record))),
  );
  // One who was heard of after the look was there at the look. By the bucket alone: no two clocks are compared.
  const isMissed = [...processes].some(([key, record]) => looks.has(key) && lookOf(record, looks.get(key)) !== 'same');
  const heardSince = isMissed ? await hearAgain() : heard;
  const liveness = (record: ProcessRecord): Liveness => {
    const { nonce } = record;
    const look = looks.get(identityKeyOf(record));
    const last = heardSince.get(nonce);
    const heartbeat = (): LivenessFacts['heartbeat'] => {
      if (last === undefined) return 'never';
      if (last.getTime() > (heard.get(nonce)?.getTime() ?? 0)) return 'since-the-look';
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
  return { liveness, heard: heardSince };
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

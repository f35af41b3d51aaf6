import type { Liveness } from './liveness.ts';

const reasons: Readonly<Record<Liveness['reason'], string>> = {
  seen: 'it is running here',
  gone: 'it is not running any more',
  heard: 'it was heard of a moment ago',
  quiet: 'it is on another machine, and nothing was heard of it, which proves nothing',
  'look-failed': 'the processes of this machine could not be looked at just now',
  'not-shown': 'this machine does not show this user the processes of other users',
  'records-disagree': 'two records name different processes as the same one',
};

/** Why it cannot be told whether a process is alive; or how it is known. */
export const describeReason = ({ reason }: Liveness): string => reasons[reason];

/** Goes on after `locked by run … on HOST, which had started nothing`. */
export const describeUnseen = (liveness: Liveness): string =>
  liveness.reason === 'quiet' ? 'and is not heard of any more' : `and may still be alive: ${describeReason(liveness)}`;

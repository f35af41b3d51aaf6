import type { LabCall } from '../../lab/control.ts';

/** What a call is to the run that makes it. */
export type Role =
  /** It changes AWS. The provider makes it. */
  | 'ec2'
  /** The engine's state, through the gateway. */
  | 'checkpoint'
  /** What the engine writes beside it, which reaches the bucket when it has ended. */
  | 'history'
  /** Holdfast's own: lock, journal, marks, the verified record. */
  | 'own';

/** A call of a clean run, named so that the same call of another run is met. */
export interface Point {
  /** Name of the part that makes it. */
  readonly part: string;
  readonly role: Role;
  readonly name: string;
  readonly action: string;
  /** For a fault of the lab. */
  readonly match: CallMatch;
  readonly afterEc2: boolean;
  readonly beforeEc2: boolean;
  /** An engine is at work. */
  readonly inEngine: boolean;
}

export interface CallMatch {
  readonly service: string;
  readonly action: string;
  readonly key?: string;
  readonly nth: number;
}

/** The calls of a clean run that change something, in their order. */
export function pointsOf(part: string, calls: readonly LabCall[]): readonly Point[] {
  const ours = calls.filter(({ service }) => service === 'ec2' || service === 's3');
  const roles = ours.map(roleOf);
  const firstOfEngine = roles.findIndex((role) => role !== 'own');
  const lastOfEngine = roles.findLastIndex((role) => role === 'ec2' || role === 'checkpoint');
  const seen = new Map<string, number>();
  return ours.map((call, index): Point => {
    const glob = call.key === null ? undefined : globOf(call.key);
    const same = `${call.service} ${call.action} ${glob ?? ''}`;
    const nth = (seen.get(same) ?? 0) + 1;
    seen.set(same, nth);
    const { service, action } = call;
    return {
      part,
      role: roles[index] ?? 'own',
      name: nameOf(call, nth),
      action,
      match: { service, action, ...(glob === undefined ? {} : { key: glob }), nth },
      afterEc2: roles[index - 1] === 'ec2',
      beforeEc2: roles[index + 1] === 'ec2',
      inEngine: index >= firstOfEngine && index <= lastOfEngine,
    };
  });
}

function roleOf({ service, key }: LabCall): Role {
  if (service === 'ec2') return 'ec2';
  if (key?.startsWith('.pulumi/stacks/') === true) return key.endsWith('.bak') ? 'history' : 'checkpoint';
  return key !== null && /^\.pulumi\/(history|backups)\//.test(key) ? 'history' : 'own';
}

/** Names of runs, nonces and times are others in each run. */
function globOf(key: string): string {
  return key
    .replace(/\d{8}T\d{6}Z-[0-9a-f]{8}/, '*')
    .replace(/[0-9a-f]{32}(-\d{6})?/, '*')
    .replace(/[.-]\d{19}\./, '?*.');
}

function nameOf({ service, action, key }: LabCall, nth: number): string {
  if (service === 'ec2') return nth === 1 ? action : `${action} ${nth}`;
  const verb = action === 'DeleteObject' ? 'removal of ' : '';
  const path = key ?? '';
  const journal = /\/\*?[0-9a-f]{32}-\d{6}-([a-z-]+)\.json$/.exec(path)?.[1];
  const what =
    journal !== undefined
      ? `journal ${journal}`
      : path.startsWith('.holdfast/')
        ? `${verb}${path.split('/')[1] ?? ''}`
        : path.startsWith('.pulumi/locks/')
          ? `${verb}lock`
          : path.endsWith('.bak')
            ? `${verb}bak`
            : path.startsWith('.pulumi/stacks/')
              ? `${verb}checkpoint`
              : `${verb}${path.includes('/backups/') ? 'backup' : path.endsWith('.history.json') ? 'history' : 'history checkpoint'}`;
  return what.endsWith('checkpoint') || nth > 1 ? `${what} ${nth}` : what;
}

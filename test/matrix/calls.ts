import type { LabCall } from '../../lab/control.ts';

/** What a call is to the run that makes it. */
export type Role =
  /** It changes AWS. The provider makes it. */
  | 'ec2'
  /** The engine's state, through the gateway. */
  | 'checkpoint'
  /** What the engine writes beside it, which reaches the bucket when it has ended. */
  | 'history'
  /** Holdfast's own: the stack record, its lock, the journal. */
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

/** Names of runs, nonces, times and versions are others in each run. */
function globOf(key: string): string {
  const folder = /^\.holdfast\/(quarantine|dossiers)\//.exec(key)?.[0];
  if (folder !== undefined) return key.includes('/manifest-') ? `${folder}**/manifest-*.json` : `${folder}**${extensionOf(key)}`;
  return key
    .replace(/[0-9a-f]{64}/, '*')
    .replace(/\d{8}T\d{6}Z-[0-9a-f]{8}/, '*')
    .replace(/[0-9a-f]{32}(-[0-9a-f]{8})?(-\d{6})?/, '*')
    .replace(/[.-]\d{19}\./, '?*.');
}

const extensionOf = (key: string): string => (key.startsWith('.holdfast/dossiers/') ? `/*${key.slice(key.lastIndexOf('.'))}` : '');

function nameOf({ service, action, key }: LabCall, nth: number): string {
  if (service === 'ec2') return nth === 1 ? action : `${action} ${nth}`;
  const what = `${action === 'DeleteObject' ? 'removal of ' : ''}${objectNameOf(key ?? '')}`;
  return what.endsWith('checkpoint') || nth > 1 ? `${what} ${nth}` : what;
}

function objectNameOf(path: string): string {
  const event = /\/[0-9a-f]{32}(?:-[0-9a-f]{8})?-\d{6}-([a-z-]+)\.json$/.exec(path)?.[1];
  if (event !== undefined) return `journal ${event}`;
  if (path.includes('/manifest-')) return 'manifest';
  if (path.startsWith('.holdfast/dossiers/')) return path.endsWith('.md') ? 'page' : 'dossier';
  if (path.startsWith('.holdfast/stacks/')) return 'record';
  if (path.startsWith('.holdfast/networks/')) return 'network-file';
  if (path.startsWith('.holdfast/')) return path.split('/')[1] ?? '';
  if (path.startsWith('.pulumi/locks/')) return 'lock';
  if (path.startsWith('.pulumi/stacks/')) return path.endsWith('.bak') ? 'bak' : 'checkpoint';
  if (path.includes('/backups/')) return 'backup';
  return path.endsWith('.history.json') ? 'history' : 'history checkpoint';
}

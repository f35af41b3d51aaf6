import { checkpointKey, project } from '../state/layout.ts';

/** What a key of Pulumi's layout is to the mount of one stack. */
export type KeyRole =
  | 'checkpoint'
  /** The stack's own checkpoint under a name that says gzip or zstd. */
  | 'compressed'
  /** The copy that the engine makes of the checkpoint before it writes a new one. */
  | 'previous'
  | 'history'
  /** A copy of the checkpoint that the engine keeps at the end of an update. */
  | 'backup'
  | 'lock'
  | 'meta'
  /** Of another stack, or nothing that the mount knows. */
  | 'other';

export const metaKey = '.pulumi/meta.yaml';

export interface StackKeys {
  readonly checkpoint: string;
  readonly previous: string;
  /** Written by `pulumi stack tag`, removed with the stack. */
  readonly tags: string;
  readonly historyPrefix: string;
  readonly backupPrefix: string;
  readonly lockPrefix: string;
}

export function keysOf(stack: string): StackKeys {
  return {
    checkpoint: checkpointKey(stack),
    previous: `${checkpointKey(stack)}.bak`,
    tags: `.pulumi/stacks/${project}/${stack}.pulumi-tags`,
    historyPrefix: `.pulumi/history/${project}/${stack}/`,
    backupPrefix: `.pulumi/backups/${project}/${stack}/`,
    lockPrefix: `.pulumi/locks/organization/${project}/${stack}/`,
  };
}

export function roleOf(key: string, keys: StackKeys): KeyRole {
  if (key === keys.checkpoint) return 'checkpoint';
  if (key === `${keys.checkpoint}.gz` || key === `${keys.checkpoint}.zst`) return 'compressed';
  if (key === keys.previous) return 'previous';
  if (key === metaKey) return 'meta';
  if (isDirectlyBelow(keys.historyPrefix, key)) return 'history';
  if (isDirectlyBelow(keys.backupPrefix, key)) return 'backup';
  if (isDirectlyBelow(keys.lockPrefix, key)) return 'lock';
  return 'other';
}

/** With a name as the engine makes them: what `keep` takes to the bucket must not climb out of the stack's folder by a `..`. */
function isDirectlyBelow(prefix: string, key: string): boolean {
  return key.startsWith(prefix) && /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(key.slice(prefix.length));
}

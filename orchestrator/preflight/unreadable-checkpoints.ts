import { commandOf, lineOf } from '../domain/command.ts';
import type { UnreadableState } from '../state/checkpoints.ts';

type Refused = Pick<UnreadableState, 'key' | 'detail'>;

/** Each with its key. */
export const tellUnreadable = (states: readonly Refused[]): string[] => states.map(({ key, detail }) => `${key}: ${detail}`);

/** What to do about checkpoints that no engine is shown. */
export function afterUnreadable(bucket: string, states: readonly Refused[]): string {
  const commands = states.map(({ key }) => lineOf(commandOf('aws', 's3api', 'list-object-versions', { bucket, prefix: key })));
  return `No engine is started over ${states.length === 1 ? 'it' : 'them'}, and nothing was changed. See who wrote it, and what was there before: ${commands.join('; ')}. Then put the last version back that is yours.`;
}

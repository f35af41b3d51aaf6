import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { project } from '../state/layout.ts';
import type { StackState } from '../state/checkpoints.ts';

/**
 * A copy of the network's checkpoints on local disk, in Pulumi's own layout: previews read it, and write what they like into it, without
 * a lock, an object or a byte in the state bucket. Thrown away afterwards.
 */
export interface ScratchState {
  readonly url: string;
  readonly remove: () => Promise<void>;
}

export async function makeScratchState(states: Iterable<StackState>): Promise<ScratchState> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-plan-'));
  const stacks = join(folder, '.pulumi', 'stacks', project);
  await mkdir(stacks, { recursive: true });
  await writeFile(join(folder, '.pulumi', 'meta.yaml'), 'version: 1\n');
  await Promise.all([...states].map((state) => writeFile(join(stacks, `${state.stack}.json`), state.body)));
  return { url: pathToFileURL(folder).href, remove: () => rm(folder, { recursive: true, force: true }) };
}

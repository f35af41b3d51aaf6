import { pulumiCliVersion } from '../../toolchain/versions.ts';
import { changedParts, fingerprintOf, outputDigests } from '../run/fingerprint.ts';
import type { FingerprintSettings } from '../run/fingerprint.ts';
import type { Standing } from '../run/standing.ts';
import type { StackState } from '../state/checkpoints.ts';
import type { StackNode } from '../graph/graph.ts';
import { readIndex } from '../state/index-of-stacks.ts';
import type { StackIndex } from '../state/index-of-stacks.ts';
import { readInstallation } from '../state/installation.ts';
import { installationKey } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { describePart } from '../ui/status.ts';
import type { Context } from './context.ts';
import { fingerprintSettings, programSettings } from './fingerprint-settings.ts';
import type { OpenedFile } from './open-file.ts';

/** Whether the next `up` asks the engine of a stack, and why. */
export interface Why {
  readonly runs: boolean;
  readonly reasons: readonly string[];
}

export interface WhyFacts {
  readonly node: StackNode;
  readonly states: ReadonlyMap<string, Pick<StackState, 'etag' | 'outputs'>>;
  readonly standing: Standing['kind'] | undefined;
  readonly index: StackIndex;
  readonly settings: FingerprintSettings;
  /** For people. */
  readonly short: (stack: string) => string;
}

export async function readWhy(
  context: Context,
  file: OpenedFile,
  store: ObjectStore,
  facts: Omit<WhyFacts, 'index' | 'settings'>,
): Promise<Why> {
  const [{ entries }, installation] = await Promise.all([readIndex(store, file.network.spec.network), store.get(installationKey)]);
  const made = installation && readInstallation(installation.body);
  const settings = await fingerprintSettings(
    context,
    file,
    programSettings(file, made?.ok ? made.value.installation : ''),
    pulumiCliVersion,
  );
  return whyOf({ ...facts, index: entries, settings });
}

export function whyOf({ node, states, standing, index, settings, short }: WhyFacts): Why {
  if (standing === 'held' || standing === 'frozen' || standing === 'locked')
    return { runs: false, reasons: [`it is ${standing}: it is left out, and all that stands on it`] };
  const state = states.get(node.name);
  if (!state) return { runs: true, reasons: ['it was never deployed'] };
  const entry = index.get(node.name);
  if (!entry) return { runs: true, reasons: ['no run has come to its end over it that says what it was run with'] };
  if (entry.checkpoint !== state.etag)
    return { runs: true, reasons: ['its checkpoint is not the one of the last run that came to its end'] };
  const now = fingerprintOf(node, settings, (stack, name) => outputDigests(states.get(stack)?.outputs ?? {})[name]);
  const missing = node.upstreams.filter((upstream) => !states.has(upstream)).map(short);
  if (!now) return { runs: true, reasons: [`what it reads is not there yet${missing.length === 0 ? '' : `: ${missing.join(', ')}`}`] };
  const differences = changedParts(entry.fingerprint, now).map((part) => describePart(part, short));
  return differences.length > 0
    ? { runs: true, reasons: differences.map((what) => `changed: ${what}`) }
    : { runs: false, reasons: [`nothing has changed${node.upstreams.length === 0 ? '' : ', unless what it reads comes out differently'}`] };
}

import { lookAtIdentity } from '../aws/identity.ts';
import { lookAtInventory } from '../aws/inventory.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { messageOf, Refusal } from '../domain/problem.ts';
import { checkIdentity } from '../preflight/checks.ts';
import { topologyOfInventory } from '../reachability/from-inventory.ts';
import type { Topology } from '../reachability/topology.ts';
import type { Emit } from '../run/events.ts';
import { readInstallation } from '../state/installation.ts';
import { installationKey } from '../state/layout.ts';
import { cannotLook, everyInstallation } from '../ui/inventory.ts';
import { partlyRead } from '../ui/paths.ts';
import type { CommonFlags, Context } from './context.ts';
import { openAws } from './open.ts';
import { openFile } from './open-file.ts';

export interface LiveTopology {
  readonly topology: Topology;
  readonly isIncomplete: boolean;
}

/** What AWS has of the network now. A role that may only read is enough. @throws Refusal where AWS cannot be looked at */
export async function liveTopology(context: Context, flags: CommonFlags, emit: Emit): Promise<LiveTopology> {
  const tell: Emit = (event) => {
    if (!flags.json) emit(event);
  };
  const file = await openFile(context, flags, 'paths', tell);
  const aws = await openAws(context, file);
  try {
    const { network, target, graph } = file;
    // In another account there is nothing of the network to be seen, which would look as if nothing had a path.
    const identity = checkIdentity({ identity: await lookAtIdentity(aws.clients, context.now), network, target: target.kind });
    if (identity.outcome !== 'ok') throw new Refusal(exitCodes.preflightRefused, { reason: 'wrong-identity', ...identity });
    let installation: string | undefined;
    try {
      const stored = await aws.store.get(installationKey);
      const read = stored && readInstallation(stored.body);
      installation = read?.ok === true ? read.value.installation : undefined;
    } catch (cause) {
      tell({ type: 'note', message: everyInstallation(messageOf(cause)) });
    }
    const stacks = graph.nodes.map(({ name }) => name);
    const looked = await lookAtInventory(aws.clients, { stacks, installation, known: new Map(), outline: true }, context.now);
    if (!looked.ok) throw new Refusal(exitCodes.preflightRefused, cannotLook(looked));
    for (const what of looked.value.incomplete) tell({ type: 'note', message: partlyRead(what) });
    return { topology: topologyOfInventory(looked.value), isIncomplete: looked.value.incomplete.length > 0 };
  } finally {
    aws.clients.destroy();
  }
}

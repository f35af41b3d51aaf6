import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { lookAtInventory } from '../aws/inventory.ts';
import { resourceTypeOf } from '../aws/resource-types/index.ts';
import { stalenessOf } from '../aws/staleness.ts';
import { lookUpTrail } from '../aws/trail.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { openSpool, spooledFile, spoolFolder } from '../gateway/spool.ts';
import { compareWithState } from '../inventory/compare.ts';
import type { Difference } from '../inventory/compare.ts';
import { differenceInWords } from '../ui/inventory.ts';
import { trailObjects } from '../inventory/trail-objects.ts';
import { LockWatch } from '../locks/lock-watch.ts';
import type { Engine } from '../pulumi/engine.ts';
import type { TrailAnswer } from '../recovery/examine.ts';
import { NetworkStates } from '../recovery/elsewhere.ts';
import type { Interrupted } from '../recovery/interrupted.ts';
import type { Leaving, RecoveryParts, StateDifference } from '../recovery/recover-stack.ts';
import type { Emit } from '../run/events.ts';
import { readStates } from '../state/checkpoints.ts';
import type { StackState } from '../state/checkpoints.ts';
import { readDeployment } from '../state/deployment.ts';
import type { StateResource } from '../state/deployment.ts';
import type { DisownedObject } from '../ownership/disowned.ts';
import { project } from '../state/layout.ts';
import { patiently } from '../state/patience.ts';
import { plural } from '../ui/describe.ts';
import { recoveryWords } from '../ui/recovery.ts';
import type { Context } from './context.ts';
import { namedObjects } from './named-objects.ts';
import type { OpenedSession } from './open.ts';
import type { OpenedFile } from './open-file.ts';

export interface PartsRequest {
  readonly file: OpenedFile;
  readonly aws: OpenedSession;
  readonly gateway: Gateway;
  readonly engine: Engine;
  readonly installation: string;
  /** The checkpoint of every stack of the network, as the command read it: what another stack has is no orphan. */
  readonly states: ReadonlyMap<string, StackState>;
  readonly incident: string | undefined;
  readonly patienceSeconds: number;
  readonly limitSeconds: number;
  readonly verbose: boolean;
  readonly watch?: LockWatch;
  readonly signal: AbortSignal;
}

/** Seconds before a run's own beginning from which CloudTrail is asked: clocks differ, and it keeps whole seconds. */
const trailMarginSeconds = 300;

/** Seconds after an act until CloudTrail has it at the latest. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html */
const trailLagSeconds = 900;

/** What a recovery asks of the world, made from what a command has opened. */
export function recoveryParts(context: Context, request: PartsRequest, emit: Emit): RecoveryParts {
  const { file, aws } = request;
  const { spec } = file.network;
  const network = spec.network;
  const by = `${aws.process.user}@${aws.process.host}`;
  const begunMs = context.now();
  const folderOf = (run: string): string => spoolFolder(context.root, network, run);
  const states = new NetworkStates({
    read: (known) => patiently(() => readStates(aws.store, network, spec, known), { seconds: request.patienceSeconds }),
    states: request.states,
    stacks: file.graph.nodes.map(({ name }) => name),
    typeOf: resourceTypeOf,
  });
  const asDisowned = (object: Leaving): DisownedObject => ({
    ...object,
    ...(request.incident === undefined ? {} : { incident: request.incident }),
    by,
    at: new Date(context.now()).toISOString(),
  });
  return {
    recovery: aws.run,
    by,
    incident: request.incident,
    network,
    account: spec.account,
    region: spec.region,
    project,
    installation: request.installation,
    store: aws.store,
    gateway: request.gateway,
    engine: request.engine,
    environment: aws.live.environment,
    secrets: spec.state.secrets,
    marker: aws.process.nonce,
    watch: request.watch ?? new LockWatch(aws.store, network),
    typeOf: resourceTypeOf,
    look: (scope) => lookAtInventory(aws.clients, { ...scope, named: namedObjects(spec, request.installation, scope.stacks) }, context.now),
    elsewhere: (stack) => states.beside(stack),
    trail: (interrupted) => askTrail(context, aws, interrupted, begunMs, request.signal),
    compare: (stack, state, inventory, disowned) =>
      compareWithState({
        stack,
        resources: state.resources,
        operations: state.operations,
        others: othersOf(stack, file, states.states),
        objects: inventory.objects,
        installation: request.installation,
        disowned: new Map([[stack, disowned]]),
        ignoreTags: spec.ignoreTags,
      }).flatMap(asStateDifference),
    spoolOf: async (run, stack) => {
      const path = await spooledFile(folderOf(run), stack);
      return path === undefined ? undefined : readFile(path, 'utf8');
    },
    dropSpool: (run, stack) => openSpool(folderOf(run)).remove(stack),
    asDisowned,
    words: recoveryWords,
    patienceSeconds: request.patienceSeconds,
    staleness: stalenessOf(spec.recovery.staleness),
    limitSeconds: request.limitSeconds,
    emit,
    now: context.now,
    sleep: (milliseconds) => delay(milliseconds, undefined, { signal: request.signal }).catch(() => undefined),
    signal: request.signal,
    verbose: request.verbose,
  };
}

/** What the network's other stacks have, or are about to have. One that is not deployed yet is there all the same, and empty. */
function othersOf(stack: string, { graph }: OpenedFile, states: PartsRequest['states']): ReadonlyMap<string, readonly StateResource[]> {
  const others = new Map<string, readonly StateResource[]>(graph.nodes.map(({ name }) => [name, []]));
  for (const [name, { body }] of states) {
    const read = readDeployment(body);
    if (!read.ok) continue;
    const { resources, operations } = read.deployment;
    const begun = operations.map(({ resource }) => ({
      ...resource,
      id: resource.id ?? resourceTypeOf(resource.type)?.idOf?.(resource.inputs),
    }));
    others.set(name, [...resources, ...begun]);
  }
  others.delete(stack);
  return others;
}

function asStateDifference(difference: Difference): StateDifference[] {
  switch (difference.kind) {
    case 'missing':
    case 'unrecorded':
    case 'twice':
      return [{ kind: 'membership', text: differenceInWords(difference) }];
    case 'changed':
      return [{ kind: 'property', text: differenceInWords(difference) }];
    case 'foreign':
      return [{ kind: 'foreign', text: differenceInWords(difference) }];
    case 'disowned':
    case 'not-compared':
      return [];
    default:
      return difference satisfies never;
  }
}

/** By the keys that the run wrote down before it used them; where it wrote none, by its session's name, which collides more easily. */
async function askTrail(
  context: Context,
  { clients }: OpenedSession,
  { sessions, startedAt, engineEndedAt }: Interrupted,
  begunMs: number,
  signal: AbortSignal,
): Promise<TrailAnswer> {
  const accessKeyIds = [...new Set(sessions.map(({ accessKeyId }) => accessKeyId))].filter((key) => key !== '');
  const sessionName = sessions.find(({ session }) => session !== '')?.session;
  if (accessKeyIds.length === 0 && sessionName === undefined)
    return { words: [], final: true, said: 'not asked: nobody wrote down whose session it was' };
  const from = new Date((startedAt?.getTime() ?? begunMs - 24 * 3_600_000) - trailMarginSeconds * 1000);
  const found = await lookUpTrail(clients, {
    ...(accessKeyIds.length > 0 ? { accessKeyIds } : { sessionName: sessionName ?? '' }),
    from,
    to: new Date(context.now()),
    signal,
  });
  if (!found.ok) return { words: [], final: true, said: `not read (${found.code}: ${found.message})` };
  const words = trailObjects(found.value);
  // What was done until somebody knew that nobody could do more.
  const lastActMs = engineEndedAt?.getTime() ?? begunMs;
  const by =
    accessKeyIds.length > 0
      ? `by ${accessKeyIds.length === 1 ? 'the key' : `${accessKeyIds.length} keys`} of the run`
      : `by session name ${sessionName ?? ''}`;
  return {
    words,
    final: context.now() > lastActMs + trailLagSeconds * 1000,
    said: found.value.length === 0 ? `nothing ${by}, which proves nothing` : `${plural(found.value.length, 'event')} ${by}`,
  };
}

import { setTimeout as delay } from 'node:timers/promises';
import { lookInTheWay } from '../aws/in-the-way.ts';
import { lookAtInventory } from '../aws/inventory.ts';
import { stalenessOf } from '../aws/staleness.ts';
import { lookByTag } from '../aws/tagged-objects.ts';
import type { TaggedObject } from '../aws/tagged-objects.ts';
import { openSpool, spoolFolder } from '../gateway/spool.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { isLeaving, objectKey } from '../inventory/live-object.ts';
import { Journal } from '../journal/journal.ts';
import { Heartbeat } from '../locks/heartbeat.ts';
import { LockWatch } from '../locks/lock-watch.ts';
import type { Engine } from '../pulumi/engine.ts';
import { recoverStack } from '../recovery/recover-stack.ts';
import type { ApplyRequest } from '../run/apply.ts';
import type { Emit } from '../run/events.ts';
import { readRecord } from '../ownership/records.ts';
import { criticalPathSeconds } from '../state/durations.ts';
import type { ObjectStore } from '../state/object-store.ts';
import type { Context } from './context.ts';
import { defaultParallel } from './flags.ts';
import { namedObjects } from './named-objects.ts';
import { openingOf } from './opening.ts';
import { keepProgram } from './program-record.ts';
import { recoveryParts } from './recovery-parts.ts';
import type { OpenedSession, OpenedState } from './open.ts';
import type { OpenedFile } from './open-file.ts';
import type { Settled } from '../run/settled.ts';
import type { SharedRun } from '../run/shared-run.ts';
import type { Stopping } from './signals.ts';

export interface ApplyFlags {
  readonly parallel?: number;
  readonly verbose: boolean;
  readonly settle: boolean;
  /** Seconds. */
  readonly bucketPatience: number;
}

/**
 * Seconds for which a run waits for AWS to settle what it has left in doubt: an attachment takes up to three minutes to come to be, and two more until looks
 * agree. Longer, and a person does it: npm run recover.
 */
const settleLimitSeconds = 360;

/** What `up` and `destroy` ask alike of a run; what they do to each stack is theirs to add. */
export async function applySettings(
  stage: ApplyRequest['stage'],
  context: Context,
  opened: {
    readonly file: OpenedFile;
    readonly aws: OpenedSession;
    readonly state: OpenedState;
    readonly gateway: Gateway;
    readonly engine: Engine;
  },
  flags: ApplyFlags,
  stopping: Stopping,
  /** Full names of the stacks that the run is about, in its order. */
  order: readonly string[],
  emit: Emit,
  { shared, settled }: { readonly shared?: SharedRun | undefined; readonly settled?: Settled } = {},
): Promise<Omit<ApplyRequest, 'passes'>> {
  const { file, aws, state, gateway, engine } = opened;
  const { spec } = file.network;
  const network = spec.network;
  const opening = await openingOf(
    context,
    opened,
    stage,
    order,
    criticalPathSeconds(
      file.graph.nodes.filter(({ name }) => order.includes(name)),
      state.durations,
    ),
  );
  const { standings, states } = state;
  const watch = new LockWatch(aws.store, network);
  const known = new Map([...states].map(([stack, { body, etag, modified }]) => [stack, { body, etag, modified }]));
  const told = stopping.follow(emit);
  return {
    engine,
    stage,
    network,
    gateway,
    spool: openSpool(spoolFolder(context.root, network, aws.run)),
    store: aws.store,
    journal: new Journal({
      store: aws.store,
      network,
      run: aws.run,
      writer: aws.process.nonce,
      patienceSeconds: flags.bucketPatience,
      now: context.now,
    }),
    watch,
    heartbeat: new Heartbeat(aws.store, network, aws.run, aws.process),
    opening: { ...opening, ...(shared ? { shared: shared.name } : {}) },
    ...(settled ? { settled } : {}),
    ...(shared ? { overtaken: () => shared.overtaken() } : {}),
    lockRecord: aws.lockRecord,
    session: aws.live,
    known,
    records: standings.records,
    meant: await keepProgram(aws.store, network, opening, shared?.name, flags.bucketPatience),
    unknownObjects: async (stack, known) => {
      const { installation } = state.settings;
      const looked = await lookByTag(aws.clients, { installation, stack, known, named: namedObjects(spec, installation, [stack]) });
      if (!looked.ok) throw new Error(`${looked.code}: ${looked.message}`);
      return withoutDisowned(aws.store, stack, looked.value);
    },
    stillThere: async (objects) => {
      const known = new Map<string, string[]>();
      for (const { type, id } of objects) known.set(type, [...(known.get(type) ?? []), id]);
      const looked = await lookAtInventory(aws.clients, { stacks: [], installation: undefined, known }, context.now);
      if (!looked.ok) throw new Error(`${looked.code}: ${looked.message}`);
      return new Set(looked.value.objects.filter((object) => !isLeaving(object)).map(objectKey));
    },
    inTheWay: (object) => lookInTheWay(aws.clients.ec2, object),
    staleness: stalenessOf(spec.recovery.staleness),
    sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined),
    settle: flags.settle,
    recover: async (stuck) => {
      const parts = recoveryParts(
        context,
        {
          file,
          aws,
          gateway,
          engine,
          installation: state.settings.installation,
          states,
          incident: undefined,
          patienceSeconds: flags.bucketPatience,
          limitSeconds: settleLimitSeconds,
          verbose: flags.verbose,
          watch,
          // The first signal lets what runs end, and this is its end.
          signal: stopping.interrupting,
        },
        told,
      );
      return recoverStack(stuck, parts, { dryRun: false, withoutVersions: false, inRun: true });
    },
    patienceSeconds: flags.bucketPatience,
    minimumSessionSeconds: spec.session.minimum,
    parallel: flags.parallel ?? defaultParallel(file.target.kind),
    verbose: flags.verbose,
    emit: told,
    now: context.now,
    draining: stopping.draining,
    interrupting: stopping.interrupting,
  };
}

/**
 * What a person decided to leave holds no run. The list is asked for only where there is something to leave out.
 * @throws where the list cannot be read
 */
export async function withoutDisowned(store: ObjectStore, stack: string, found: readonly TaggedObject[]): Promise<readonly TaggedObject[]> {
  if (found.length === 0) return found;
  const read = await readRecord(store, stack);
  if (read.kind === 'unreadable') throw new Error(`${read.key}: ${read.why}`);
  const disowned = new Set((read.kind === 'there' ? read.record.disowned : []).map(({ id }) => id));
  return found.filter(({ id }) => !disowned.has(id));
}

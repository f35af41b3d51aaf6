import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { systemClock } from '../../orchestrator/gateway/clock.ts';
import type { Gateway, Mount } from '../../orchestrator/gateway/gateway.ts';
import { StackMount } from '../../orchestrator/gateway/mount.ts';
import { targetOf } from '../../orchestrator/gateway/s3-request.ts';
import type { Engine, EngineRequest, EngineResult, EngineStep, FailedStep } from '../../orchestrator/pulumi/engine.ts';
import { endEngineProcesses, markedEnvironment } from '../../orchestrator/pulumi/orphans.ts';
import { ownIdentity, startedFromHere } from '../../toolchain/process-identity.ts';
import { checkpointKey, durableLockKey, lockFolder } from '../../orchestrator/state/layout.ts';
import type { Trusted } from '../../orchestrator/state/checkpoint-trust.ts';
import { account, region } from './aws-model.ts';
import type { AwsModel } from './aws-model.ts';
import { describeKey, withRetries } from './bucket-model.ts';
import type { BucketModel } from './bucket-model.ts';
import { runWith } from './sdk.ts';
import type { Declared, Host } from './sdk.ts';
import { asError, CallFailed } from './world.ts';
import type { Process, World } from './world.ts';

/**
 * The Pulumi CLI and the AWS plugin, each a process of its own, as ENGINE-FACTS has them: a checkpoint with the intent before each step and one with the
 * result after it, no step without its intent, a plugin that outlives a killed CLI, an SDK that asks again when an answer is lost.
 */

interface Entry {
  readonly urn: string;
  readonly type: string;
  readonly custom: boolean;
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly parent?: string;
  readonly provider?: string;
  readonly dependencies?: readonly string[];
  readonly delete?: boolean;
  readonly pendingReplacement?: boolean;
}

interface Operation {
  readonly type: 'creating' | 'updating' | 'deleting';
  readonly resource: Entry;
}

interface State {
  entries: Entry[];
  operations: Operation[];
}

/** How an engine reaches state. */
export interface Backend {
  readonly read: (stack: string) => Promise<string | undefined>;
  /** @returns why it was refused */
  readonly write: (stack: string, body: string) => Promise<string | undefined>;
  readonly remove: (stack: string) => Promise<string | undefined>;
}

const project = 'holdfast';
const providerId = '0e0e0e0e-0000-4000-8000-000000000000';

const isCloud = ({ type }: { readonly type: string }): boolean => !type.startsWith('pulumi:');

/** Inputs whose change makes another object. */
const replacing: Readonly<Record<string, readonly string[]>> = {
  'aws:ec2/vpc:Vpc': ['cidrBlock'],
  'aws:ec2/routeTable:RouteTable': ['vpcId'],
  'aws:ec2/route:Route': ['routeTableId', 'destinationCidrBlock'],
};

const nameOf = (urn: string): string => urn.split('::').at(-1) ?? urn;

const step = (
  phase: EngineStep['phase'],
  op: string,
  { urn, type }: Pick<Entry, 'urn' | 'type'>,
  changed: readonly string[] = [],
): EngineStep => ({
  phase,
  op,
  type,
  name: nameOf(urn),
  urn,
  changed,
  replacing: op === 'replace' || op === 'create-replacement' ? changed : [],
});

/** Another process does it, in its own time; told when it is done, or when that process is gone. */
export function ask<T>(world: World, worker: Process, asker: Process, body: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (): void => {
      world.deliver(asker, world.nowMs + 1, () => reject(new ProcessGone(worker.name)));
    };
    if (!worker.alive) {
      gone();
      return;
    }
    worker.onGone.add(gone);
    world.deliver(worker, world.nowMs + 1, () => {
      body().then(
        (value) => {
          worker.onGone.delete(gone);
          world.deliver(asker, world.nowMs + 1, () => resolve(value));
        },
        (cause: unknown) => {
          worker.onGone.delete(gone);
          world.deliver(asker, world.nowMs + 1, () => reject(asError(cause)));
        },
      );
    });
  });
}

export class ProcessGone extends Error {
  constructor(name: string) {
    super(`${name} is gone`);
    this.name = 'ProcessGone';
  }
}

/** One thing that an engine does to one stack. */
export interface Act {
  readonly kind: 'up' | 'preview' | 'preview-destroy' | 'destroy' | 'refresh';
  readonly stack: string;
  readonly program: () => Promise<unknown>;
  readonly onStep?: ((step: EngineStep) => void) | undefined;
  readonly onPlanned?: EngineRequest['onPlanned'];
  readonly isStopped: () => boolean;
  /** Asks AWS first what there is. */
  readonly refresh?: boolean;
  /** URNs that stay as they are. */
  readonly excluded?: readonly string[];
}

interface Machinery {
  readonly world: World;
  readonly aws: AwsModel;
  readonly cli: Process;
  readonly plugin: Process | undefined;
  readonly backend: Backend;
  /** Key of the session that the plugin works with; undefined for one that does not end. */
  readonly accessKeyId?: string | undefined;
}

/** The run of a CLI, by what it has seen of itself until it was gone. */
export class EngineRun {
  readonly ended: EngineStep[] = [];
  readonly open = new Map<string, EngineStep>();
  readonly failures: FailedStep[] = [];
  readonly errors: string[] = [];
  begun = false;
  readonly #act: Act;
  readonly #with: Machinery;
  #state: State = { entries: [], operations: [] };

  constructor(act: Act, machinery: Machinery) {
    this.#act = act;
    this.#with = machinery;
  }

  result(interrupted: boolean): EngineResult {
    const unfinished = [...this.open.values()];
    if (this.errors.length === 0 && unfinished.length === 0) return { outcome: 'succeeded', steps: this.ended, unfinished };
    return {
      outcome: 'failed',
      steps: this.ended,
      unfinished,
      failures: this.failures,
      started: this.begun,
      errors: this.errors,
      interrupted,
    };
  }

  /** In the CLI. */
  async run(): Promise<void> {
    const { kind, stack } = this.#act;
    this.#state = stateOf(await this.#with.backend.read(stack));
    switch (kind) {
      case 'refresh':
        await this.#refresh();
        await this.#write();
        return;
      case 'preview':
      case 'preview-destroy':
        await this.#preview();
        return;
      case 'destroy':
        await this.#deleteAll(() => true);
        if (this.errors.length === 0 && !this.#act.isStopped()) {
          const refused = await this.#with.backend.remove(stack);
          if (refused !== undefined) this.errors.push(refused);
        }
        return;
      case 'up':
        if (this.#act.refresh === true) await this.#refresh();
        await this.#up();
        return;
    }
  }

  get #stackUrn(): string {
    return `urn:pulumi:${this.#act.stack}::${project}::pulumi:pulumi:Stack::${project}-${this.#act.stack}`;
  }

  get #providerUrn(): string {
    return `urn:pulumi:${this.#act.stack}::${project}::pulumi:providers:aws::aws`;
  }

  #entryOf(urn: string): Entry | undefined {
    return this.#state.entries.find((entry) => entry.urn === urn && entry.delete !== true);
  }

  /** What the program says, with the ids that are known by now. */
  async #declared(
    isDryRun: boolean,
  ): Promise<{ readonly resources: readonly (Declared & { readonly urn: string })[]; readonly outputs: Record<string, unknown> }> {
    const { stack, program } = this.#act;
    const resources: (Declared & { readonly urn: string })[] = [];
    const others = new Map<string, Readonly<Record<string, unknown>>>();
    for (const name of this.#references) others.set(name, outputsIn(await this.#with.backend.read(name)));
    const missing = new Set<string>();
    const host: Host = {
      isDryRun,
      declare: (declared) => {
        const urn = `urn:pulumi:${stack}::${project}::${declared.type}::${declared.name}`;
        resources.push({ ...declared, urn });
        const entry = this.#entryOf(urn);
        return entry && replacedBy(entry, declared).length === 0 && entry.pendingReplacement !== true ? entry.id : undefined;
      },
      outputsOf: (name) => {
        const known = others.get(name);
        if (!known) missing.add(name);
        return known ?? {};
      },
    };
    let outputs: Record<string, { readonly known: boolean; readonly value: unknown }>;
    try {
      outputs = (await runWith(host, program)) as typeof outputs;
    } catch (cause) {
      // A reference that was not read yet: once more, with what it says.
      if (missing.size === 0) throw cause;
      outputs = {};
    }
    if (missing.size > 0) {
      for (const name of missing) this.#references.add(name);
      return this.#declared(isDryRun);
    }
    const known = Object.entries(outputs).flatMap(([name, { known: isKnown, value }]) => (isKnown ? [[name, value] as const] : []));
    return { resources, outputs: Object.fromEntries(known) };
  }

  readonly #references = new Set<string>();

  async #preview(): Promise<void> {
    const { kind, onPlanned } = this.#act;
    const { resources } = kind === 'preview' ? await this.#declared(true) : { resources: [] };
    const tell = (op: string, entry: Pick<Entry, 'urn' | 'type'>, changed: readonly string[] = []): void =>
      this.#act.onStep?.(step('started', op, entry, changed));
    for (const declared of resources.filter(isCloud)) {
      const entry = this.#entryOf(declared.urn);
      const { urn, type, inputs } = declared;
      onPlanned?.({
        urn,
        type,
        parent: this.#stackUrn,
        provider: `${this.#providerUrn}::${providerId}`,
        protect: false,
        retainOnDelete: false,
        inputs,
      });
      const because = entry ? replacedBy(entry, declared) : [];
      if (!entry) tell('create', declared);
      else if (entry.pendingReplacement === true) for (const op of ['create-replacement', 'replace']) tell(op, declared);
      else if (because.length > 0) for (const op of ['create-replacement', 'replace', 'delete-replaced']) tell(op, declared, because);
      else tell(isSame(entry.inputs, inputs) ? 'same' : 'update', declared, isSame(entry.inputs, inputs) ? [] : ['tags']);
    }
    for (const entry of this.#state.entries.filter(isCloud)) {
      if (entry.delete === true) tell('delete-replaced', entry);
      else if (!resources.some(({ urn }) => urn === entry.urn)) tell('delete', entry);
    }
  }

  async #up(): Promise<void> {
    const done = new Set<string>();
    for (;;) {
      if (this.#act.isStopped()) {
        this.#stop();
        return;
      }
      const { resources, outputs } = await this.#declared(false).catch((cause: unknown) => {
        this.errors.push((cause as Error).message);
        return { resources: [], outputs: {} };
      });
      if (this.errors.length > 0) return;
      const next = resources.filter(isCloud).find(({ urn }) => !done.has(urn) && !this.#excludes(urn));
      if (!next) {
        const wanted = new Set(resources.map(({ urn }) => urn));
        await this.#deleteAll(({ urn, delete: condemned }) => (condemned === true || !wanted.has(urn)) && !this.#excludes(urn));
        if (this.errors.length > 0 || this.open.size > 0) return;
        this.#setRoot(outputs);
        const refused = await this.#write();
        if (refused !== undefined) this.errors.push(refused);
        return;
      }
      done.add(next.urn);
      if (!(await this.#bring(next))) return;
    }
  }

  #excludes(urn: string): boolean {
    return this.#act.excluded?.includes(urn) === true;
  }

  #stop(): void {
    this.errors.push('update cancelled');
  }

  #setRoot(outputs: Record<string, unknown>): void {
    const { entries } = this.#state;
    const root: Entry = { urn: this.#stackUrn, type: 'pulumi:pulumi:Stack', custom: false, outputs };
    const provider: Entry = {
      urn: this.#providerUrn,
      type: 'pulumi:providers:aws',
      custom: true,
      id: providerId,
      inputs: { region, allowedAccountIds: JSON.stringify([account]) },
      outputs: {},
      parent: this.#stackUrn,
    };
    this.#state.entries = [root, provider, ...entries.filter(isCloud)];
  }

  /** @returns false where the engine goes no further */
  async #bring(declared: Declared & { readonly urn: string }): Promise<boolean> {
    const entry = this.#entryOf(declared.urn);
    const { urn, type, inputs } = declared;
    if (this.#state.entries.length === 0) this.#setRoot({});
    const base: Entry = {
      urn,
      type,
      custom: true,
      inputs,
      parent: this.#stackUrn,
      provider: `${this.#providerUrn}::${providerId}`,
      dependencies: this.#dependenciesOf(inputs),
    };
    const because = entry ? replacedBy(entry, declared) : [];
    if (!entry || because.length > 0) {
      const op = entry ? 'create-replacement' : 'create';
      return this.#step(op, base, { type: 'creating', resource: base }, async () => {
        const id = await this.#provide(() => create(this.#with.aws, type, inputs), `makes the ${wordOf(type)} of ${shortOf(urn)}`);
        if (entry) this.#state.entries = this.#state.entries.map((each) => (each === entry ? { ...each, delete: true } : each));
        this.#state.entries.push({ ...base, id: idOf(type, id, inputs), outputs: outputsFor(type, id, inputs) });
      });
    }
    if (isSame(entry.inputs, inputs)) return true;
    return this.#step('update', base, { type: 'updating', resource: { ...base, id: entry.id ?? '' } }, async () => {
      await this.#provide(
        () => this.#with.aws.change(entry.id ?? '', tagsIn(inputs), this.#with.cli.name),
        `changes the ${wordOf(type)} of ${shortOf(urn)}`,
      );
      const changed = { ...entry, inputs, outputs: outputsFor(type, entry.id ?? '', inputs) };
      this.#state.entries = this.#state.entries.map((each) => (each === entry ? changed : each));
    });
  }

  /** What is in this stack and named by the inputs. */
  #dependenciesOf(inputs: Readonly<Record<string, unknown>>): readonly string[] {
    const named = new Set(Object.values(inputs));
    return this.#state.entries.filter((each) => isCloud(each) && each.delete !== true && named.has(each.id)).map(({ urn }) => urn);
  }

  async #deleteAll(isDoomed: (entry: Entry) => boolean): Promise<void> {
    for (;;) {
      const doomed = this.#state.entries.filter((each) => isCloud(each) && isDoomed(each)).reverse();
      // What another one of them stands on comes after it.
      const entry =
        doomed.find((each) => !doomed.some((other) => other !== each && other.dependencies?.includes(each.urn) === true)) ?? doomed[0];
      if (!entry) return;
      if (this.#act.isStopped()) {
        this.#stop();
        return;
      }
      const op = entry.delete === true ? 'delete-replaced' : 'delete';
      const went = await this.#step(op, entry, { type: 'deleting', resource: entry }, async () => {
        await this.#provide(() => remove(this.#with.aws, entry), `deletes the ${wordOf(entry.type)} of ${shortOf(entry.urn)}`);
        this.#state.entries = this.#state.entries.filter((each) => each !== entry);
      });
      if (!went) return;
    }
  }

  async #step(op: string, entry: Entry, operation: Operation, does: () => Promise<void>): Promise<boolean> {
    const key = `${op} ${entry.urn}`;
    this.begun = true;
    this.open.set(key, step('started', op, entry));
    this.#act.onStep?.(step('started', op, entry));
    this.#state.operations.push(operation);
    const refusedIntent = await this.#write();
    if (refusedIntent !== undefined) {
      this.errors.push(refusedIntent);
      return false;
    }
    let failed: string | undefined;
    try {
      await does();
    } catch (cause) {
      failed = (cause as Error).message;
    }
    this.#state.operations = this.#state.operations.filter((each) => each !== operation);
    const refused = await this.#write();
    if (refused !== undefined) {
      this.errors.push(refused, ...(failed === undefined ? [] : [failed]));
      return false;
    }
    this.open.delete(key);
    const ended = step(failed === undefined ? 'done' : 'failed', op, entry);
    this.ended.push(ended);
    this.#act.onStep?.(ended);
    if (failed === undefined) return true;
    this.failures.push({ step: ended, messages: [failed] });
    this.errors.push(failed);
    return false;
  }

  /** By the plugin: its SDK asks again when an answer is lost. */
  #provide<T>(act: () => T, label: string): Promise<T> {
    const { world, aws, cli, plugin, accessKeyId } = this.#with;
    if (!plugin) throw new Error('this engine has no plugin');
    return ask(world, plugin, cli, async () => {
      aws.callers.add(plugin);
      const { value } = (await withRetries(
        world,
        plugin,
        () =>
          world.call(plugin, {
            label,
            effect: () => {
              aws.authenticate(accessKeyId);
              const value = act();
              aws.noteWrite(cli.name, this.#act.stack);
              return { value };
            },
          }),
        3,
      )
        .catch((cause: unknown) => {
          const { name, message } = cause as Error;
          const code = cause instanceof CallFailed ? message : name;
          throw new Error(
            name === 'Error'
              ? `creating EC2 VPC: operation error EC2: request send failed: ${message}`
              : `creating EC2 VPC: operation error EC2: Create, https response error StatusCode: 400, RequestID: 5b2f, api error ${code}: because.`,
          );
        })
        .finally(() => aws.callers.delete(plugin))) as { readonly value: T };
      return value;
    });
  }

  async #refresh(): Promise<void> {
    const { world, aws, cli, plugin } = this.#with;
    if (!plugin) return;
    const cloud = this.#state.entries.filter(isCloud);
    const there = await ask(world, plugin, cli, () =>
      world.call(plugin, {
        label: 'reads what AWS has',
        effect: () => {
          aws.noteLook(plugin);
          return new Set(cloud.filter((entry) => isShown(aws, entry)).map(({ urn, id }) => `${urn} ${id ?? ''}`));
        },
      }),
    ).catch((cause: unknown) => {
      this.errors.push((cause as Error).message);
      return undefined;
    });
    if (!there) return;
    // A pending create is dropped, as nothing of it is known; what AWS does not show is dropped as well.
    this.#state = {
      entries: this.#state.entries.flatMap((entry): Entry[] => {
        if (!isCloud(entry) || entry.pendingReplacement === true) return [entry];
        return there.has(`${entry.urn} ${entry.id ?? ''}`)
          ? [{ ...entry, outputs: outputsFor(entry.type, entry.id ?? '', entry.inputs ?? {}) }]
          : [];
      }),
      operations: [],
    };
  }

  #write(): Promise<string | undefined> {
    const { world, backend } = this.#with;
    const { entries, operations } = this.#state;
    return backend.write(
      this.#act.stack,
      JSON.stringify({
        version: 3,
        checkpoint: {
          stack: this.#act.stack,
          latest: {
            manifest: { time: new Date(world.nowMs).toISOString(), magic: '', version: 'v3.258.0' },
            resources: entries,
            ...(operations.length > 0 ? { pending_operations: operations } : {}),
          },
        },
      }),
    );
  }
}

const wordOf = (type: string): string => ({ Vpc: 'VPC', RouteTable: 'route table', Route: 'route' })[type.split(':').at(-1) ?? ''] ?? type;

const shortOf = (urn: string): string => `${/^urn:pulumi:net\.([^:]+)::/.exec(urn)?.[1] ?? ''}/${nameOf(urn)}`;

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const replacedBy = (entry: Entry, { type, inputs }: Declared): string[] =>
  (replacing[type] ?? []).filter((name) => entry.inputs?.[name] !== inputs[name]);

const tagsIn = (inputs: Readonly<Record<string, unknown>>): Record<string, string> => ({
  ...(inputs['tags'] as Record<string, string> | undefined),
});

const textsIn = (inputs: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(inputs).filter((pair): pair is [string, string] => typeof pair[1] === 'string'));

const kindOf = (type: string) => (type.endsWith(':Vpc') ? 'vpc' : type.endsWith(':RouteTable') ? 'route-table' : 'route');

const create = (aws: AwsModel, type: string, inputs: Readonly<Record<string, unknown>>): string =>
  aws.create(kindOf(type), textsIn(inputs), tagsIn(inputs));

function remove(aws: AwsModel, { type, id = '', inputs = {} }: Entry): void {
  const found = kindOf(type) === 'route' ? aws.route(String(inputs['routeTableId']), String(inputs['destinationCidrBlock'])) : aws.find(id);
  // What is gone already is deleted, to the provider.
  if (found) aws.delete(found.id);
}

function isShown(aws: AwsModel, { type, id, inputs = {} }: Entry): boolean {
  return aws.shown.some((each) =>
    kindOf(type) === 'route'
      ? each.kind === 'route' &&
        each.properties['routeTableId'] === inputs['routeTableId'] &&
        each.properties['destinationCidrBlock'] === inputs['destinationCidrBlock']
      : each.id === id,
  );
}

/** The provider makes a route's id of its key. */
function idOf(type: string, id: string, inputs: Readonly<Record<string, unknown>>): string {
  return kindOf(type) === 'route' ? `r-${String(inputs['routeTableId'])}${crc32(String(inputs['destinationCidrBlock']))}` : id;
}

function outputsFor(type: string, id: string, inputs: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (kindOf(type) === 'route') return { ...inputs, id: idOf(type, id, inputs), state: 'active' };
  const { tags } = inputs;
  return {
    ...inputs,
    id,
    ...(kindOf(type) === 'vpc' ? { enableDnsSupport: true, enableDnsHostnames: true, instanceTenancy: 'default' } : {}),
    tagsAll: tags,
  };
}

interface RawCheckpoint {
  readonly checkpoint: { readonly latest?: { readonly resources?: Entry[]; readonly pending_operations?: Operation[] } };
}

export function stateOf(body: string | undefined): State {
  const latest = body === undefined ? undefined : (JSON.parse(body) as RawCheckpoint).checkpoint.latest;
  return { entries: [...(latest?.resources ?? [])], operations: [...(latest?.pending_operations ?? [])] };
}

const outputsIn = (body: string | undefined): Readonly<Record<string, unknown>> =>
  stateOf(body).entries.find(({ type }) => type === 'pulumi:pulumi:Stack')?.outputs ?? {};

// The gateway, which the engine reaches without a socket

interface OpenMount {
  readonly owner: Process;
  readonly mount: StackMount;
}

/** One of a history: what is reached under a name. */
export class Mounts {
  readonly #world: World;
  readonly #open = new Map<string, OpenMount>();

  constructor(world: World) {
    this.#world = world;
  }

  gateway(owner: Process, trusted: Trusted): Gateway {
    const own = new Set<StackMount>();
    return {
      mount: (request): Mount => {
        const name = randomBytes(16).toString('hex');
        const mount = new StackMount(name, 1, request, trusted, systemClock, () => {
          own.delete(mount);
        });
        own.add(mount);
        this.#open.set(name, { owner, mount });
        return mount;
      },
      close: async () => {
        await Promise.all([...own].map((mount) => mount.close()));
      },
    };
  }

  backend(cli: Process, url: string): Backend {
    const bucket = new URL(url).host;
    const send = async (method: string, stack: string, body?: string): Promise<{ readonly status: number; readonly body: string }> => {
      const label =
        method === 'GET'
          ? `reads the checkpoint of ${stack.slice(4)} through the gateway`
          : `writes the checkpoint of ${stack.slice(4)} through the gateway`;
      return this.#world.call(cli, { label, effect: () => this.#serve(bucket, method, checkpointKey(stack), body) });
    };
    const change = async (method: string, stack: string, body?: string): Promise<string | undefined> => {
      const answer = await send(method, stack, body).catch((cause: unknown) => ({ status: 503, body: (cause as Error).message }));
      return answer.status < 300
        ? undefined
        : `failed to save snapshot: ${/<Message>(.*?)<\/Message>/s.exec(answer.body)?.[1] ?? answer.body}`;
    };
    return {
      read: async (stack) => {
        const answer = await send('GET', stack);
        return answer.status === 200 ? answer.body : undefined;
      },
      write: (stack, body) => change('PUT', stack, body),
      remove: (stack) => change('DELETE', stack),
    };
  }

  /** Deletes the locks that the mount shows. */
  async cancel(cli: Process, url: string, stack: string): Promise<string | undefined> {
    const bucket = new URL(url).host;
    const call = (method: string, key: string) =>
      this.#world.call(cli, {
        label: `cancels the lock of ${stack.slice(4)} through the gateway`,
        effect: () => this.#serve(bucket, method, key),
      });
    const there = await call('GET', checkpointKey(stack));
    if (there.status !== 200) return `no stack named '${stack}' found`;
    const answer = await call('DELETE', durableLockKey(stack));
    return answer.status < 300 ? undefined : (/<Message>(.*?)<\/Message>/s.exec(answer.body)?.[1] ?? answer.body);
  }

  /** In the orchestrator's process, when it is awake. */
  #serve(bucket: string, method: string, key: string, body = ''): Promise<{ readonly status: number; readonly body: string }> {
    const open = this.#open.get(bucket);
    const refused = new Error('connect ECONNREFUSED');
    if (!open?.owner.alive) return Promise.reject(refused);
    const { owner, mount } = open;
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(refused);
      owner.onGone.add(gone);
      this.#world.deliver(owner, this.#world.nowMs + 1, () => {
        const url = `/${bucket}/${key}`;
        const request = { method, url, headers: {}, [Symbol.asyncIterator]: () => piecesOf(body) } as unknown as IncomingMessage;
        mount.serve(request, targetOf(url)).then(
          (answer) => {
            owner.onGone.delete(gone);
            resolve({ status: answer.status, body: answer.body.toString() });
          },
          (cause: unknown) => {
            owner.onGone.delete(gone);
            reject(asError(cause));
          },
        );
      });
    });
  }
}

async function* piecesOf(body: string): AsyncGenerator<Buffer> {
  await Promise.resolve();
  if (body !== '') yield Buffer.from(body);
}

// The engine of Holdfast

export interface EngineWorld {
  readonly world: World;
  readonly aws: AwsModel;
  readonly mounts: Mounts;
  /** Of engines that a command has started so far, for their names. */
  readonly count: { value: number };
}

/** What starts the CLI for a command. */
export function modelEngine(orchestrator: Process, { world, aws, mounts, count }: EngineWorld): Engine {
  const run = async (kind: Act['kind'], request: EngineRequest): Promise<EngineResult> => {
    const notStarted: EngineResult = {
      outcome: 'failed',
      steps: [],
      unfinished: [],
      failures: [],
      started: false,
      errors: ['the engine was not started'],
      interrupted: request.signal?.aborted ?? false,
    };
    if (request.signal?.aborted === true || request.ending?.aborted === true) return notStarted;
    count.value += 1;
    const marker = request.marker === undefined ? undefined : `${request.marker}/${request.stack}/${randomUUID()}`;
    const environment = marker === undefined ? {} : markedEnvironment(marker, await ownIdentity());
    const name = `engine ${count.value} of ${orchestrator.name}`;
    const cli = world.start(name, orchestrator.machine, orchestrator.user, environment);
    const plugin =
      kind === 'preview' || kind === 'preview-destroy'
        ? undefined
        : world.start(`plugin of ${name}`, orchestrator.machine, orchestrator.user, {
            ...environment,
            AWS_ACCESS_KEY_ID: request.environment['AWS_ACCESS_KEY_ID'] ?? '',
          });
    if (plugin && (kind === 'up' || kind === 'destroy')) aws.askers.set(plugin, cli);
    // It looks every 5 minutes whether its engine lives.
    if (plugin)
      cli.onGone.add(() => {
        if (plugin.alive) world.timer(plugin, 300_000, () => world.kill(plugin));
      });
    world.say(orchestrator, `starts ${name} for ${kind} of ${request.stack.slice(4)}`);
    const act: Act = {
      kind,
      stack: request.stack,
      program: request.program as () => Promise<unknown>,
      onStep: request.onStep,
      onPlanned: request.onPlanned,
      // One SIGINT, or the loss of the right to write: it ends what is under way and begins nothing.
      isStopped: () => request.signal?.aborted === true || request.ending?.aborted === true,
      refresh: request.refresh ?? false,
      excluded: request.excluded ?? [],
    };
    const engine = new EngineRun(act, {
      world,
      aws,
      cli,
      plugin,
      backend: mounts.backend(cli, request.backendUrl),
      accessKeyId: request.environment['AWS_ACCESS_KEY_ID'],
    });
    try {
      await ask(world, cli, orchestrator, async () => {
        try {
          await engine.run();
          // A CLI that ends by itself ends its plugins.
          if (plugin) world.kill(plugin);
        } finally {
          // Its orchestrator is gone, and it ends all by itself.
          if (!orchestrator.alive) world.kill(cli);
        }
      });
      world.kill(cli);
    } catch (cause) {
      engine.errors.push(cause instanceof ProcessGone ? 'the CLI was ended by SIGKILL' : (cause as Error).message);
      world.kill(cli);
    } finally {
      if (marker !== undefined) await endEngineProcesses(marker, await startedFromHere());
    }
    const result = engine.result(request.signal?.aborted ?? false);
    return result;
  };
  return {
    preview: (request) => run('preview', request),
    previewDestroy: (request) => run('preview-destroy', request),
    up: (request) => run('up', request),
    destroy: (request) => run('destroy', request),
    refresh: (request) => run('refresh', request),
    cancel: (request) => cancelThrough(orchestrator, request, { world, aws, mounts, count }),
  };
}

/** `pulumi cancel` through a mount: deletes the locks that it is shown. */
async function cancelThrough(orchestrator: Process, request: EngineRequest, { world, mounts, count }: EngineWorld): Promise<EngineResult> {
  count.value += 1;
  const cli = world.start(`engine ${count.value} of ${orchestrator.name}`, orchestrator.machine, orchestrator.user);
  const error = await ask(world, cli, orchestrator, () => mounts.cancel(cli, request.backendUrl, request.stack)).catch(
    (cause: unknown) => (cause as Error).message,
  );
  world.kill(cli);
  return error === undefined
    ? { outcome: 'succeeded', steps: [], unfinished: [] }
    : { outcome: 'failed', steps: [], unfinished: [], failures: [], started: false, errors: [error], interrupted: false };
}

// Plain pulumi, straight to the bucket

const direct = (world: World, process: Process, bucket: BucketModel) => ({
  request: <T>(label: string, effect: () => T): Promise<T> => world.call(process, { label, effect }),
  backend: (): Backend => ({
    read: (stack) =>
      world.call(process, { label: `reads ${describeKey(checkpointKey(stack))}`, effect: () => bucket.get(checkpointKey(stack))?.body }),
    write: (stack, body) =>
      world
        .call(process, {
          label: `writes ${describeKey(checkpointKey(stack))}`,
          effect: () => void bucket.put(checkpointKey(stack), body, process),
        })
        .then(
          () => undefined,
          (cause: unknown) => (cause as Error).message,
        ),
    remove: (stack) =>
      world
        .call(process, {
          label: `removes ${describeKey(checkpointKey(stack))}`,
          effect: () => bucket.remove(checkpointKey(stack), process),
        })
        .then(
          () => undefined,
          (cause: unknown) => (cause as Error).message,
        ),
  }),
});

/** `pulumi up`: lists the locks, puts its own, lists again. */
export async function plainUp(
  process: Process,
  stack: string,
  program: () => Promise<unknown>,
  { world, aws, bucket }: { readonly world: World; readonly aws: AwsModel; readonly bucket: BucketModel },
): Promise<string> {
  const { request, backend } = direct(world, process, bucket);
  const short = stack.slice(4);
  const key = `${lockFolder(stack)}${randomUUID()}.json`;
  const seen = await request(`lists the locks of ${short}`, () => bucket.locksOf(stack));
  if (seen.length > 0) return 'locked';
  await request(`puts its lock of ${short}`, () =>
    bucket.put(
      key,
      JSON.stringify({
        pid: process.pid,
        username: process.user.name,
        hostname: process.machine.name,
        timestamp: new Date().toISOString(),
      }),
      process,
    ),
  );
  const others = await request(`lists the locks of ${short} again`, () => bucket.locksOf(stack).filter((each) => each !== key));
  if (others.length === 0) {
    const plugin = world.start(`plugin of ${process.name}`, process.machine, process.user);
    process.onGone.add(() => {
      if (plugin.alive) world.timer(plugin, 300_000, () => world.kill(plugin));
    });
    const run = new EngineRun(
      { kind: 'up', stack, program, isStopped: () => false },
      { world, aws, cli: process, plugin, backend: backend() },
    );
    await run.run();
    world.kill(plugin);
  }
  await request(`takes its lock of ${short} away`, () => bucket.remove(key, process));
  return others.length === 0 ? 'done' : 'locked';
}

/** `pulumi cancel`: lists, and deletes by key. */
export async function plainCancel(
  process: Process,
  stack: string,
  { world, bucket }: { readonly world: World; readonly bucket: BucketModel },
): Promise<string> {
  const { request } = direct(world, process, bucket);
  const keys = await request(`lists the locks of ${stack.slice(4)} to cancel them`, () => bucket.locksOf(stack));
  for (const key of keys) await request(`deletes ${describeKey(key)}, by pulumi cancel`, () => bucket.remove(key, process));
  return `cancelled ${keys.length}`;
}

import { quietAfterSeconds } from '../../orchestrator/locks/heartbeat.ts';
import { checkpointKey, durableLockKey, heartbeatKey, recordKey } from '../../orchestrator/state/layout.ts';
import type { AwsModel, AwsObject } from './aws-model.ts';
import type { BucketModel, Change } from './bucket-model.ts';
import { eventOf } from './coverage.ts';
import type { EventType } from '../../orchestrator/ownership/transitions.ts';
import { stateOf } from './engine-model.ts';
import { seconds } from './world.ts';
import type { Fault, Machine, Process, World } from './world.ts';

/** The promises of DESIGN.md, as far as the bucket, AWS and exit codes show them. Nothing is asked of the product's own parts. */

export type Promised =
  /** No object is lost or doubled: a stack that is given back has in its checkpoint what AWS has, each once. */
  | 'untrue-release'
  /** No write by an owner whose lock another one has. */
  | 'stale-write'
  /** A fair schedule without further faults ends verified. */
  | 'stuck'
  /** What was told as frozen has a lock. */
  | 'frozen-without-lock'
  /** In what was told as frozen no run changes anything. */
  | 'frozen-at-work'
  /** No run changes a stack that plain pulumi had locked first, and still has. */
  | 'beside-plain'
  /** The record first, the lock second: no lock goes while the record says that its owner has the stack. */
  | 'lock-before-record'
  /** No message that nobody meant. */
  | 'unexpected'
  /** No process is taken over from while it lives and calls AWS, but at a person's word. */
  | 'living-owner'
  /** What is well is not told as held. */
  | 'false-alarm'
  /** The rest of an interrupted run takes nothing back that a later run has deployed. */
  | 'went-back';

export interface Violation {
  readonly promise: Promised;
  readonly text: string;
  readonly atMs: number;
}

interface Ended {
  readonly name: string;
  readonly kind: string;
  readonly process: Process;
  readonly exitCode: number | string | undefined;
  readonly said: readonly string[];
  readonly startedMs: number;
}

/** What it looks at. */
interface Seen {
  readonly world: World;
  readonly bucket: BucketModel;
  readonly aws: AwsModel;
  readonly stacks: readonly string[];
  readonly machines: ReadonlyMap<string, Machine>;
}

export class Oracle {
  readonly #world: World;
  readonly #bucket: BucketModel;
  readonly #aws: AwsModel;
  readonly #stacks: readonly string[];
  readonly #machines: ReadonlyMap<string, Machine>;
  #seen = 0;
  /** Until when a process was there that ends freezes. */
  #unfreezingUntilMs = 0;
  /** Name of each command, by machine and number. */
  readonly names = new Map<string, string>();
  violation: Violation | undefined;
  readonly #unseen = new Set<string>();
  /** When each stack's owner came to have it. */
  readonly #owned = new Map<string, number>();
  /** Stacks whose owner had stood still for so long before it took them that nothing was heard of it: it may be taken for quiet until it beats again. */
  readonly #hadSlept = new Set<string>();
  /** When each lock of plain pulumi was put, by its key. */
  readonly #plainSince = new Map<string, number>();
  /** Stacks whose lock a person has cancelled: from then on plain pulumi may be in. */
  readonly cancelled = new Set<string>();
  /** Faults after which nothing is in question: of a process that only tells, or of a heartbeat that is sent again. */
  readonly harmless = new Set<Fault>();
  /** Stacks that are to have a lock, as a freeze was told. */
  readonly frozen = new Set<string>();
  /** Those of them of which it was said that a run may still be at work there. */
  readonly #toldOfWork = new Set<string>();

  constructor({ world, bucket, aws, stacks, machines }: Seen) {
    this.#world = world;
    this.#bucket = bucket;
    this.#aws = aws;
    this.#stacks = stacks;
    this.#machines = machines;
  }

  accuse(promise: Promised, text: string): void {
    this.violation ??= { promise, text, atMs: this.#world.nowMs };
  }

  /** After each step. */
  look(): void {
    const { changes } = this.#bucket;
    for (; this.#seen < changes.length && !this.violation; this.#seen += 1) {
      const change = changes[this.#seen];
      if (change) this.#judge(change);
    }
    for (const { by, stack } of this.#aws.takeWrites()) {
      if (this.frozen.has(stack) && !this.#toldOfWork.has(stack) && !this.cancelled.has(stack) && /of (up|destroy)/.test(by))
        this.accuse('frozen-at-work', `${by} changes AWS, and ${stack.slice(4)} was told as frozen`);
      const plain = /of (up|destroy)/.test(by) ? this.#plainBefore(stack) : undefined;
      if (plain !== undefined)
        this.accuse('beside-plain', `${by} changes AWS, and ${plain} had locked ${stack.slice(4)} before that run had the stack`);
    }
    const [back] = this.#aws.backwards.filter(({ by }) => by.endsWith(')') && by.includes('of resume'));
    if (back) this.accuse('went-back', `${back.by} gives ${back.id} the tags of an older file`);
    for (const stack of this.frozen)
      if (!this.cancelled.has(stack) && this.#bucket.locksOf(stack).length === 0)
        this.accuse('frozen-without-lock', `${stack.slice(4)} was told as frozen, and no lock keeps plain pulumi out`);
  }

  /** Plain pulumi that lives, and whose lock was there before the stack's owner had the stack. */
  #plainBefore(stack: string): string | undefined {
    const ownedMs = this.#owned.get(stack) ?? Infinity;
    const owners = this.#bucket.locksOf(stack).flatMap((key) => {
      const owner = ownerIn(this.#bucket.get(key)?.body ?? '');
      return owner !== undefined && (this.#plainSince.get(key) ?? Infinity) < ownedMs ? [owner] : [];
    });
    return owners.flatMap((owner) => {
      const [machine = '', pid = ''] = owner.split(' ');
      return this.#machines.get(machine)?.processes.get(Number(pid))?.name ?? [];
    })[0];
  }

  #judge({ key, before, after }: Change): void {
    if (after.by && isPlain(after.by.name) && before === undefined && after.body !== undefined)
      this.#plainSince.set(key, this.#world.nowMs);
    const stack = this.#stacks.find((each) => [durableLockKey(each), checkpointKey(each), recordKey(each)].includes(key));
    if (stack === undefined || !after.by) return;
    const by = rootOf(after.by);
    if (key === recordKey(stack)) {
      this.#judgeRecord(stack, by, ownerOf(after.by), recordIn(before?.body), recordIn(after.body));
      return;
    }
    if (key === durableLockKey(stack)) {
      const owner = before?.body === undefined ? undefined : ownerIn(before.body);
      if (owner !== undefined && owner !== ownerOf(after.by) && owner !== (after.body === undefined ? undefined : ownerIn(after.body))) {
        // What a person releases is at that person's word.
        const isSaid = recordIn(this.#bucket.get(recordKey(stack))?.body).writerDead === 'person';
        const living = isPlain(by) || isSaid ? undefined : this.#engineOf(owner, stack);
        if (living !== undefined)
          this.accuse(
            'living-owner',
            `${by} ${after.body === undefined ? 'takes away' : 'takes over'} the lock of ${stack.slice(4)}, while ${living} can still call AWS`,
          );
      }
      if (after.body === undefined && before && this.#bucket.locksOf(stack).length === 0 && !isPlain(by)) {
        const record = recordIn(this.#bucket.get(recordKey(stack))?.body);
        if (record.owner !== undefined && ownerOfRecord(record.owner) === owner && !this.cancelled.has(stack))
          this.accuse(
            'lock-before-record',
            `${by} takes the lock of ${stack.slice(4)} away, and its record says that ${owner} has the stack`,
          );
        const why = this.untruth(stack, by);
        if (why !== undefined && !this.cancelled.has(stack))
          this.accuse('untrue-release', `${by} takes the lock of ${stack.slice(4)} away, and ${why}`);
      }
      return;
    }
    const lock = this.#bucket.get(durableLockKey(stack));
    if (isPlain(by) || this.cancelled.has(stack)) return;
    const writer = after.by;
    const owner = lock?.body === undefined ? undefined : ownerIn(lock.body);
    if (owner === undefined) this.accuse('stale-write', `${by} writes the checkpoint of ${stack.slice(4)}, and no lock stands on it`);
    // Until the new owner has written, what the old one had sent may still arrive: it is read as what it left.
    else if (owner !== ownerOf(writer) && before?.by && before.by !== writer)
      this.accuse(
        'stale-write',
        `${by} writes over the checkpoint of ${stack.slice(4)}, which ${rootOf(before.by)} has written, whose lock stands (${owner})`,
      );
  }

  /** A takeover is by a proof, and what it says has to be true at that moment. */
  #judgeRecord(stack: string, by: string, writer: string, before: RecordSeen, after: RecordSeen): void {
    if (after.phase === 'free' && after.verified?.kind === 'at' && (before.phase === 'running' || before.phase === 'recovering')) {
      const why = this.untruth(stack, by);
      if (why !== undefined && !this.cancelled.has(stack))
        this.accuse('untrue-release', `${by} writes down that ${stack.slice(4)} is verified, and ${why}`);
    }
    // A person lets everyone in over a state that may not be true.
    if (after.phase === 'free' && after.verified?.kind === 'unknown') this.cancelled.add(stack);
    const changes = eventOf(before.body, after.body ?? '{}');
    const isOwners = changes !== undefined && ownersOwn.includes(changes) && before.epoch === after.epoch;
    if (isOwners && before.owner !== undefined && ownerOfRecord(before.owner) !== writer)
      this.accuse(
        'stale-write',
        `${by} writes into the record of ${stack.slice(4)} what only its owner may (${changes}), and that is ${this.names.get(ownerOfRecord(before.owner)) ?? ownerOfRecord(before.owner)}`,
      );
    const ownedBefore = this.#owned.get(stack);
    const hadSlept = this.#hadSlept.has(stack);
    if (after.epoch !== before.epoch) {
      this.#owned.set(stack, this.#world.nowMs);
      const beat = this.#bucket.get(heartbeatKey('net', after.owner?.nonce ?? ''));
      if (beat && this.#world.nowMs - beat.modifiedMs >= quietAfterSeconds * 1000) this.#hadSlept.add(stack);
      else this.#hadSlept.delete(stack);
    }
    if (after.phase !== 'recovering' || before.owner === undefined || after.owner === undefined || after.epoch === before.epoch) return;
    const owner = ownerOfRecord(before.owner);
    // Its own: a stack that is held without an owner is claimed first.
    if (owner === ownerOfRecord(after.owner)) return;
    const taken = `${by} takes ${stack.slice(4)} over from ${this.names.get(owner) ?? owner}`;
    const isAlive = this.#machines.get(before.owner.host)?.processes.has(before.owner.pid) === true;
    const wroteMs = this.#world.nowMs - (ownedBefore ?? -Infinity);
    if (before.phase !== 'held' && isAlive && after.writerDead === 'process-dead' && before.writerDead === undefined)
      this.accuse('living-owner', `${taken} as of a process that is dead, and it lives`);
    if (before.phase !== 'held' && isAlive && wroteMs < quietAtLeastMs && !hadSlept)
      this.accuse('living-owner', `${taken}, which lives, and has had the stack for ${seconds(wroteMs)}`);
    if (after.writerDead === 'nothing-started' && before.phase !== 'claimed' && before.run?.engineStarted !== false)
      this.accuse('living-owner', `${taken} as of a run that has started nothing, and it has`);
    const endsMs = Math.max(0, ...(before.run?.sessions ?? []).map(({ accessKeyId }) => this.#aws.sessions.get(accessKeyId) ?? 0));
    if (after.writerDead === 'sessions-ended' && before.writerDead === undefined && endsMs > this.#world.nowMs)
      this.accuse('living-owner', `${taken} as its sessions are over, and one lasts ${seconds(endsMs - this.#world.nowMs)} more`);
  }

  /** What of a run may still change AWS: a plugin that is in a call, or that has a CLI which may ask for one, with a session that lasts. */
  #engineOf(owner: string, stack: string): string | undefined {
    const [, machine = '', pid = ''] = /^(.+) (\d+)$/.exec(owner) ?? [];
    const name = this.names.get(owner);
    const processes = [...(this.#machines.get(machine)?.processes.values() ?? [])];
    const plugin = processes.find(
      (each) =>
        name !== undefined &&
        /^(up|destroy)/.test(name) &&
        each.name.startsWith('plugin of') &&
        each.name.endsWith(name) &&
        (this.#aws.callers.has(each) || this.#aws.askers.get(each)?.alive === true) &&
        Object.values(each.environment).some((value) => value.includes(`/${stack}/`)),
    );
    const endsMs = this.#aws.sessions.get(plugin?.environment['AWS_ACCESS_KEY_ID'] ?? '') ?? 0;
    return plugin && pid !== '' && endsMs > this.#world.nowMs ? plugin.name : undefined;
  }

  /**
   * An SDK that lost an answer has asked again, AWS has made two, and shows the first one only after its run is over: no look could have seen it. It is
   * closed by the gateway that a call to AWS is to go through, and by nothing before.
   */
  #isUnseenTwin(id: string, own: readonly AwsObject[], recorded: readonly string[], by: string): boolean {
    if (this.#unseen.has(id)) return true;
    const object = own.find((each) => each.id === id);
    const resource = object?.tags['holdfast:resource'];
    const isTwin = own.some((each) => each.id !== id && each.tags['holdfast:resource'] === resource && recorded.includes(each.id));
    if (!object || !/^(closing: )?up/.test(by) || !isTwin) return false;
    // Who writes it down has looked since it was made, and was not shown it: between a look and a write there is always time.
    const lookedMs = this.#aws.lookedMs.get(by) ?? -Infinity;
    const wasHidden = lookedMs >= object.shownFromMs - this.#aws.lateMs && lookedMs < object.shownFromMs;
    if (this.#world.nowMs >= object.shownFromMs && !wasHidden) return false;
    this.#unseen.add(id);
    return true;
  }

  /** Why the checkpoint is not what AWS has; undefined where it is. */
  untruth(stack: string, by = ''): string | undefined {
    const { entries, operations } = stateOf(this.#bucket.get(checkpointKey(stack))?.body);
    const [pending] = operations;
    if (pending) return `its checkpoint has an operation under way (${pending.type} ${pending.resource.urn.split('::').at(-1) ?? ''})`;
    const disowned = this.disowned(stack);
    const own = this.#aws.living.filter(({ id, tags }) => tags['holdfast:stack'] === stack && !disowned.has(id));
    const tables = new Set(own.map(({ id }) => id));
    const routes = this.#aws.living.filter(({ kind, properties }) => kind === 'route' && tables.has(properties['routeTableId'] ?? ''));
    const idOf = (object: AwsObject): string =>
      object.kind === 'route' ? `${object.properties['routeTableId'] ?? ''} ${object.properties['destinationCidrBlock'] ?? ''}` : object.id;
    const recorded = entries
      .filter(({ type }) => !type.startsWith('pulumi:'))
      .map(({ type, id = '', inputs = {} }) =>
        type.endsWith(':Route') ? `${String(inputs['routeTableId'])} ${String(inputs['destinationCidrBlock'])}` : id,
      );
    const there = new Set([...own, ...routes].map(idOf));
    const unknown = [...there].find((id) => !recorded.includes(id) && !this.#isUnseenTwin(id, own, recorded, by));
    if (unknown !== undefined) return `AWS has ${unknown}, which its checkpoint has not`;
    const missing = recorded.find((id) => !there.has(id));
    if (missing !== undefined) return `its checkpoint has ${missing}, which AWS has not`;
    const twice = recorded.find((id, index) => recorded.indexOf(id) !== index);
    return twice === undefined ? undefined : `its checkpoint has ${twice} twice`;
  }

  /** Ids of what a person has disowned: no part of a stack any more. */
  disowned(...stacks: readonly string[]): ReadonlySet<string> {
    const records = (stacks.length === 0 ? this.#stacks : stacks).map((stack) => recordIn(this.#bucket.get(recordKey(stack))?.body));
    return new Set(records.flatMap(({ disowned = [] }) => disowned.map(({ id }) => id)));
  }

  onBegin(kind: string, process: Process): void {
    this.names.set(ownerOf(process), process.name);
    if (kind !== 'unfreeze') return;
    this.#unfreezingUntilMs = Infinity;
    process.onGone.add(() => {
      this.#unfreezingUntilMs = this.#world.nowMs;
    });
    this.frozen.clear();
  }

  /** @param isPlainSailing nothing but faults of the plan could have held a stack */
  onEnd({ name, kind, exitCode, said, startedMs }: Ended, isPlainSailing: boolean): void {
    const text = said.join('');
    if (isPlainSailing && exitCode === 4 && [...this.#world.struck].every((fault) => this.harmless.has(fault)))
      this.accuse('false-alarm', `${name} says that a stack is held, and nothing has gone wrong`);
    // What the world refuses is no error of the product's, however it is told.
    const isOfTheWorld = /ExpiredToken|EMFILE|ECONNRESET|ServiceUnavailable|process table/.test(text.slice(text.indexOf('"unexpected"')));
    if ((exitCode === 'it threw' || text.includes('"reason":"unexpected"')) && !isOfTheWorld)
      this.accuse(
        'unexpected',
        `${name} ends by an error that nobody meant: ${/"message":"([^"]*)"/.exec(text.slice(text.indexOf('"unexpected"')))?.[1] ?? text.slice(0, 300)}`,
      );
    // Of two at the same time nobody can say which one counts.
    if (kind === 'freeze' && exitCode === 0 && this.#unfreezingUntilMs < startedMs)
      for (const stack of this.#stacks) {
        if (!text.includes(`"stack":"${stack}"`)) continue;
        this.frozen.add(stack);
        if (new RegExp(`"stack":"${stack}"[^}]*"mayBeAtWork":true`).test(text)) this.#toldOfWork.add(stack);
        else this.#toldOfWork.delete(stack);
      }
  }

  /** When all is over, and the last `up` said that all is well. */
  lookAtTheEnd(): void {
    for (const stack of this.#stacks) {
      const why = this.untruth(stack);
      if (why !== undefined && !this.cancelled.has(stack))
        this.accuse('untrue-release', `${stack.slice(4)} is free and its last up went well, and ${why}`);
      if (this.#bucket.locksOf(stack).length > 0) this.accuse('stuck', `${stack.slice(4)} keeps a lock for ever`);
    }
  }
}

/** Of an engine or plugin, the command that started it. */
const rootOf = ({ name }: Process): string => name.replace(/^(plugin of |engine \d+ of )*/, '');

const isPlain = (name: string): boolean => name.startsWith('pulumi-');

const ownerOf = ({ machine, pid }: Process): string => `${machine.name} ${pid}`;

/** For so long after a process was heard of, no command may take its silence for anything. */
const quietAtLeastMs = 60_000;

/** As much of a stack's record as it is judged by. */
interface RecordSeen {
  /** All of it. */
  readonly body?: string;
  readonly phase?: string;
  readonly epoch?: number;
  readonly owner?: { readonly host: string; readonly pid: number; readonly nonce: string };
  readonly verified?: { readonly kind: string };
  readonly disowned?: readonly { readonly id: string }[];
  readonly run?: { readonly engineStarted: boolean; readonly sessions: readonly { readonly accessKeyId: string }[] };
  readonly writerDead?: string;
}

const recordIn = (body: string | undefined): RecordSeen => (body === undefined ? {} : { ...(JSON.parse(body) as RecordSeen), body });

/** What an owner alone may write. */
const ownersOwn: readonly EventType[] = ['give-back', 'start', 'hold', 'verify', 'disown', 'answer'];

const ownerOfRecord = ({ host, pid }: { readonly host: string; readonly pid: number }): string => `${host} ${pid}`;

/** Pulumi's own lock format names process and host. */
function ownerIn(body: string): string | undefined {
  try {
    const lock = JSON.parse(body) as Record<string, unknown>;
    const host = lock['host'] ?? lock['hostname'];
    return typeof lock['pid'] === 'number' && typeof host === 'string' ? `${host} ${lock['pid']}` : undefined;
  } catch {
    return undefined;
  }
}

export { seconds };

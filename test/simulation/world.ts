import { AsyncLocalStorage } from 'node:async_hooks';
import { hashOf, Random } from './random.ts';

/**
 * One clock for all, processes on machines, and calls between them and what they share. Nothing happens but by an event of the queue, one at a time and in
 * the order of their moments: the same plan is the same history, byte for byte.
 */

/** Kept before `host.ts` puts its own in their place. */
const nextTurn = setImmediate;

export interface Machine {
  readonly name: string;
  readonly bootId: string;
  /** Milliseconds by which its clock is ahead of the true one. */
  clockAheadMs: number;
  /** Other users' processes are not shown. */
  readonly hidesProcesses: boolean;
  readonly processes: Map<number, Process>;
  readonly files: Map<string, Buffer>;
  nextPid: number;
}

export interface User {
  readonly name: string;
  readonly uid: number;
}

type Listener = (signal: string) => void;

export interface Process {
  /** In words, and alone in its history: `up of ada`, `its plugin 2`. */
  readonly name: string;
  readonly machine: Machine;
  readonly user: User;
  readonly pid: number;
  readonly startTicks: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly random: Random;
  readonly listeners: Map<string, Set<Listener>>;
  readonly timers: Set<Timer>;
  /** Told when it is gone, however it went. */
  readonly onGone: Set<() => void>;
  alive: boolean;
  pausedUntilMs: number;
  /** Milliseconds for which its machine slept, and its monotonic clock with it. */
  sleptMs: number;
  /** Calls that it made of what it shares with others. */
  calls: number;
  /** Looks at the process table. */
  looks: number;
}

export interface Timer {
  readonly process: Process;
  cancelled: boolean;
}

export const faultKinds = [
  /** The process is killed before the call is sent. */
  'killed-before',
  /** The process is killed when the call was sent, and before it is answered. */
  'killed-after',
  /** The process is killed when the call was sent, which takes effect later. */
  'killed-in-flight',
  /** It takes effect, and the answer is lost. */
  'answer-lost',
  /** It does not arrive. */
  'request-lost',
  /** Given up as lost, it takes effect later. */
  'arrives-late',
  /** The other side says that it cannot just now. */
  'unavailable',
  /** The other side has another write under way (409); of conditional writes alone. */
  'conflict',
  /** The process stands still before it sends. */
  'stopped-before',
  /** The process stands still between the effect and what it does with the answer. */
  'stopped-after',
  /** Its machine sleeps before the call is sent: all that runs on it, and the monotonic clock. */
  'asleep-before',
  'asleep-after',
  /** Its machine's clock is set. */
  'clock-set',
  /** A look at the process table fails; of looks alone. */
  'look-failed',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** Under which a look at the process table stands among the calls. */
export const lookLabel = 'looks at the process table';

export interface Fault {
  /** Name of the process. */
  readonly process: string;
  /** Which of its calls, from 1; of those with this label, where there is one. */
  readonly call: number;
  readonly label?: string;
  readonly kind: FaultKind;
  /** Of a pause, of how late, of how far the clock is set. */
  readonly ms: number;
}

/** What is to go wrong with this call. */
export type Faults = (process: Process, call: number, label: string) => Fault | undefined;

/** Looks at the process table that fail, one after the other. */
export interface FailedLooks {
  readonly process: string;
  readonly first: number;
  readonly count: number;
}

export interface HistoryLine {
  readonly atMs: number;
  readonly process: string;
  readonly text: string;
  readonly isFault: boolean;
}

/** What a call comes to where nobody meddles. */
export interface Call<T> {
  /** As a person reads it: `puts the lock of spoke.a`. */
  readonly label: string;
  /** Whether it says something of another write under way. */
  readonly conditional?: boolean;
  readonly effect: () => T | Promise<T>;
}

/** The error of a call that was not answered, or not served. */
export class CallFailed extends Error {
  readonly why: 'lost' | 'unavailable' | 'conflict';

  constructor(why: CallFailed['why'], label: string) {
    super(`${label}: ${why}`);
    this.name = 'CallFailed';
    this.why = why;
  }
}

interface Queued {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

const current = new AsyncLocalStorage<Process>();

/** The process whose code runs. Undefined outside of all of them. */
export const currentProcess = (): Process | undefined => current.getStore();

export class World {
  readonly seed: string;
  nowMs = Date.parse('2030-01-01T00:00:00Z');
  readonly history: HistoryLine[] = [];
  /** Faults that have struck. */
  readonly struck = new Set<Fault>();
  readonly #faults: Faults;
  readonly #failedLooks: readonly FailedLooks[];
  readonly #heap: Queued[] = [];
  #order = 0;
  /** Turns of the event loop that something asked for: what was begun is not at rest before. */
  busy = 0;
  events = 0;
  /** Runs after every event. */
  onStep: () => void = () => undefined;
  /** Told of each fault as it strikes, and of what the process meets without one: a condition that does not hold, a session that has ended. */
  onStrike: (process: Process, struck: FaultKind | 'precondition-failed' | 'session-ended') => void = () => undefined;

  constructor(seed: string, faults: Faults, failedLooks: readonly FailedLooks[]) {
    this.seed = seed;
    this.#faults = faults;
    this.#failedLooks = failedLooks;
  }

  machine(name: string, options: { readonly clockAheadMs?: number; readonly hidesProcesses?: boolean } = {}): Machine {
    return {
      name,
      bootId: `boot-${name}`,
      clockAheadMs: options.clockAheadMs ?? 0,
      hidesProcesses: options.hidesProcesses ?? false,
      processes: new Map(),
      files: new Map(),
      nextPid: 1000,
    };
  }

  start(name: string, machine: Machine, user: User, environment: Readonly<Record<string, string>> = {}): Process {
    const pid = machine.nextPid;
    machine.nextPid += 1;
    const process: Process = {
      name,
      machine,
      user,
      pid,
      startTicks: Math.round(this.nowMs / 10) % 1_000_000_000,
      environment,
      random: new Random(`${this.seed} ${name}`),
      listeners: new Map(),
      timers: new Set(),
      onGone: new Set(),
      alive: true,
      pausedUntilMs: 0,
      sleptMs: 0,
      calls: 0,
      looks: 0,
    };
    machine.processes.set(pid, process);
    return process;
  }

  /** Runs code of the process. What it throws is nobody's: a process that fails so has ended. */
  run<T>(process: Process, body: () => T): T {
    return current.run(process, body);
  }

  kill(process: Process): void {
    if (!process.alive) return;
    process.alive = false;
    process.machine.processes.delete(process.pid);
    for (const timer of process.timers) timer.cancelled = true;
    process.timers.clear();
    for (const told of process.onGone) told();
    process.onGone.clear();
  }

  say(process: Process, text: string, isFault = false): void {
    this.history.push({ atMs: this.nowMs, process: process.name, text, isFault });
  }

  at(atMs: number, run: () => void): void {
    const queued: Queued = { atMs, order: (this.#order += 1), run };
    const heap = this.#heap;
    heap.push(queued);
    let child = heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent];
      if (!above || isBefore(above, queued)) break;
      heap[child] = above;
      heap[parent] = queued;
      child = parent;
    }
  }

  /** In the process when it is awake; not at all where it is gone by then. */
  deliver(process: Process, atMs: number, act: () => void, isWanted: () => boolean = () => true): void {
    this.at(Math.max(atMs, process.pausedUntilMs), () => {
      if (!process.alive || !isWanted()) return;
      if (process.pausedUntilMs > this.nowMs) this.deliver(process, process.pausedUntilMs, act, isWanted);
      else current.run(process, act);
    });
  }

  timer(process: Process, delayMs: number, act: () => void): Timer {
    const timer: Timer = { process, cancelled: false };
    process.timers.add(timer);
    this.deliver(
      process,
      this.nowMs + Math.max(1, delayMs),
      () => {
        process.timers.delete(timer);
        act();
      },
      () => !timer.cancelled,
    );
    return timer;
  }

  cancel(timer: Timer): void {
    timer.cancelled = true;
    timer.process.timers.delete(timer);
  }

  sleep(process: Process, ms: number): Promise<void> {
    return new Promise((resolve) => void this.timer(process, ms, resolve));
  }

  /**
   * A call of something shared. It arrives, takes effect there in one moment, and is answered: the process may be dead, or stand still, at each point.
   * Of a process that is gone nothing resolves any more.
   */
  call<T>(process: Process, { label, conditional = false, effect }: Call<T>): Promise<T> {
    process.calls += 1;
    const number = process.calls;
    const fault = this.#faults(process, number, label);
    const has = (kind: FaultKind): Fault | undefined => (fault?.kind === kind && (kind !== 'conflict' || conditional) ? fault : undefined);
    const strike = (fault: Fault, text: string): void => {
      this.struck.add(fault);
      this.onStrike(process, fault.kind);
      this.say(process, text, true);
    };
    const latency = (what: string): number => latencyOf(hashOf(`${this.seed} ${process.name} ${number} ${what}`));
    return new Promise<T>((resolve, reject) => {
      const answer = (atMs: number, act: () => void): void => {
        this.deliver(process, atMs, act);
      };
      const fail = (atMs: number, why: CallFailed['why']): void => {
        answer(atMs, () => reject(new CallFailed(why, label)));
      };
      const send = (): void => {
        const killed = has('killed-before');
        if (killed) {
          strike(killed, `is killed before it ${label}`);
          this.kill(process);
          return;
        }
        const stopped = has('stopped-before');
        const asleep = has('asleep-before');
        const pause = stopped ?? asleep;
        if (pause && !this.struck.has(pause)) {
          this.pause(process, pause.ms, asleep !== undefined);
          strike(pause, `${asleep ? 'sleeps with its machine' : 'stands still'} for ${seconds(pause.ms)} before it ${label}`);
          this.deliver(process, process.pausedUntilMs, send);
          return;
        }
        const clock = has('clock-set');
        if (clock && !this.struck.has(clock)) {
          process.machine.clockAheadMs += clock.ms;
          strike(clock, `finds the clock of its machine set by ${seconds(clock.ms)} before it ${label}`);
        }
        const arrivesAtMs = this.nowMs + latency('there');
        const lostRequest = has('request-lost');
        const unavailable = has('unavailable');
        const conflict = has('conflict');
        if (lostRequest ?? unavailable ?? conflict) {
          if (lostRequest) strike(lostRequest, `${label}: the request is lost`);
          else if (unavailable) strike(unavailable, `${label}: answered "unavailable"`);
          else if (conflict) strike(conflict, `${label}: answered "another write is under way"`);
          fail(arrivesAtMs + latency('back'), lostRequest ? 'lost' : unavailable ? 'unavailable' : 'conflict');
          return;
        }
        const inFlight = has('killed-in-flight');
        const late = inFlight ?? has('arrives-late');
        if (inFlight) {
          strike(inFlight, `is killed, and what it had sent arrives ${seconds(inFlight.ms)} later (${label})`);
          this.kill(process);
        } else if (late) strike(late, `${label}: no answer; it arrives ${seconds(late.ms)} later`);
        const killedAfter = has('killed-after');
        this.at(arrivesAtMs + (late?.ms ?? 0), () => {
          if (late) this.say(process, `${label}, as sent long ago`);
          else this.say(process, label);
          let outcome: Promise<T>;
          try {
            outcome = Promise.resolve(effect());
          } catch (cause) {
            outcome = Promise.reject(asError(cause));
          }
          if (killedAfter) {
            strike(killedAfter, `is killed before it hears of it (${label})`);
            this.kill(process);
          }
          const stoppedAfter = has('stopped-after');
          const asleepAfter = has('asleep-after');
          const pauseAfter = stoppedAfter ?? asleepAfter;
          if (pauseAfter && process.alive) {
            this.pause(process, pauseAfter.ms, asleepAfter !== undefined);
            strike(
              pauseAfter,
              `${asleepAfter ? 'sleeps with its machine' : 'stands still'} for ${seconds(pauseAfter.ms)} before it hears of it (${label})`,
            );
          }
          const lost = has('answer-lost');
          if (lost) strike(lost, `${label}: the answer is lost`);
          const settle = (act: () => void): void => {
            if (late) return;
            if (lost) fail(this.nowMs + latency('back'), 'lost');
            else answer(this.nowMs + latency('back'), act);
          };
          outcome.then(
            (value) => settle(() => resolve(value)),
            (cause: unknown) => {
              const status = statusOf(cause);
              if (process.alive && (status === 412 || status === 403))
                this.onStrike(process, status === 412 ? 'precondition-failed' : 'session-ended');
              settle(() => reject(asError(cause)));
            },
          );
        });
        if (late) fail(arrivesAtMs + latency('back'), 'lost');
      };
      send();
    });
  }

  pause(process: Process, ms: number, wholeMachine: boolean): void {
    const until = this.nowMs + ms;
    for (const each of wholeMachine ? process.machine.processes.values() : [process]) {
      each.pausedUntilMs = Math.max(each.pausedUntilMs, until);
      if (wholeMachine) each.sleptMs += ms;
    }
  }

  /** Whether this look at the process table fails. */
  isLookFailed(process: Process): boolean {
    process.looks += 1;
    const failed = this.#failedLooks.find(
      ({ process: name, first, count }) => name === process.name && process.looks >= first && process.looks < first + count,
    );
    if (failed?.first === process.looks) this.say(process, 'cannot look at the process table: too many open files', true);
    const fault = this.#faults(process, process.looks, lookLabel);
    const drawn = fault?.kind === 'look-failed' ? fault : undefined;
    if (drawn) {
      this.struck.add(drawn);
      this.say(process, 'cannot look at the process table, once: too many open files', true);
    }
    if (failed ?? drawn) this.onStrike(process, 'look-failed');
    return failed !== undefined || drawn !== undefined;
  }

  /** Until nothing is to happen any more, or `isOver` says so. @throws where that takes too many events */
  async play(isOver: () => boolean, mostEvents = 200_000): Promise<void> {
    for (;;) {
      await this.#atRest();
      this.onStep();
      if (isOver()) return;
      const next = this.#pop();
      if (!next) return;
      this.events += 1;
      if (this.events > mostEvents) throw new Error(`the history does not end: more than ${mostEvents} events`);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
  }

  async #atRest(): Promise<void> {
    do await new Promise((resolve) => nextTurn(resolve));
    while (this.busy > 0);
  }

  #pop(): Queued | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      const [left, right] = [heap[2 * parent + 1], heap[2 * parent + 2]];
      const least = left && right ? (isBefore(left, right) ? left : right) : left;
      if (least === undefined || isBefore(last, least)) break;
      heap[parent] = least;
      parent = least === left ? 2 * parent + 1 : 2 * parent + 2;
    }
    heap[parent] = last;
    return first;
  }
}

/** Most calls are quick, and some are not. */
function latencyOf(drawn: number): number {
  const [sort, rest] = [drawn % 100, Math.floor(drawn / 100)];
  return 1 + (sort < 94 ? rest % 40 : sort < 99 ? rest % 400 : rest % 3_000);
}

const isBefore = (a: Queued, b: Queued): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export const seconds = (ms: number): string => (Math.abs(ms) < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`);

/** Of an answer of S3, or of AWS's to a key that has ended. */
function statusOf(cause: unknown): number | undefined {
  const { name, $metadata } = cause as { readonly name?: string; readonly $metadata?: { readonly httpStatusCode?: number } };
  return name === 'ExpiredToken' ? 403 : $metadata?.httpStatusCode;
}

export const asError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)));

import { syncBuiltinESMExports } from 'node:module';
import crypto from 'node:crypto';
import fsPromises from 'node:fs/promises';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import timersPromises from 'node:timers/promises';
import { currentProcess } from './world.ts';
import type { Process, Timer, World } from './world.ts';

/**
 * Node's own surface, as a process of the simulation sees it: clocks, timers, random numbers, files, the process table, signals. Put in place once, before
 * anything else is loaded; code that runs outside of every process of the simulation has the real ones.
 */

let world: World | undefined;

/** Whose processes these are from now on. */
export function useWorld(next: World | undefined): void {
  world = next;
}

function inside(): { readonly world: World; readonly process: Process } | undefined {
  const process = currentProcess();
  return world && process ? { world, process } : undefined;
}

// Clocks

const RealDate = Date;
const wallMs = (): number => {
  const here = inside();
  return here ? here.world.nowMs + here.process.machine.clockAheadMs : RealDate.now();
};

class SimulatedDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(wallMs());
    else super(...(given as []));
  }

  static override now(): number {
    return wallMs();
  }
}

const realMoment = performance.now.bind(performance);
const moment = (): number => {
  const here = inside();
  return here ? here.world.nowMs - 1_800_000_000_000 - here.process.sleptMs : realMoment();
};

// Timers

class Handle {
  timer: Timer | undefined;

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

type Act = (...given: unknown[]) => void;

const real = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  delay: timersPromises.setTimeout,
  turn: timersPromises.setImmediate,
  random: Math.random,
  randomBytes: crypto.randomBytes,
  randomUUID: crypto.randomUUID,
  hostname: os.hostname,
  userInfo: os.userInfo,
  on: process.on.bind(process),
  off: process.off.bind(process),
  kill: process.kill.bind(process),
  getuid: process.getuid,
};

function setTimeoutHere(act: Act, ms = 0, ...given: unknown[]): unknown {
  const here = inside();
  if (!here) return real.setTimeout(act, ms, ...given);
  const handle = new Handle();
  handle.timer = here.world.timer(here.process, ms, () => act(...given));
  return handle;
}

function setIntervalHere(act: Act, ms = 0, ...given: unknown[]): unknown {
  const here = inside();
  if (!here) return real.setInterval(act, ms, ...given);
  const handle = new Handle();
  const again = (): void => {
    handle.timer = here.world.timer(here.process, ms, () => {
      again();
      act(...given);
    });
  };
  again();
  return handle;
}

function clearHere(handle: unknown): void {
  if (!(handle instanceof Handle)) {
    real.clearTimeout(handle as NodeJS.Timeout);
    return;
  }
  if (handle.timer) world?.cancel(handle.timer);
}

function delayHere(ms = 0, value?: unknown, options: { readonly signal?: AbortSignal; readonly ref?: boolean } = {}): Promise<unknown> {
  const here = inside();
  if (!here) return real.delay(ms, value, options);
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      here.world.cancel(timer);
      reject(Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' }));
    };
    const timer = here.world.timer(here.process, ms, () => {
      signal?.removeEventListener('abort', aborted);
      resolve(value);
    });
    if (signal?.aborted) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });
}

async function turnHere(value?: unknown): Promise<unknown> {
  const here = inside();
  if (!here) return real.turn(value);
  here.world.busy += 1;
  try {
    return await real.turn(value);
  } finally {
    here.world.busy -= 1;
  }
}

// Random numbers

const uuidOf = (bytes: Buffer): string => {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

// Files: what a machine has, and its process table

const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}: '${path}'`), { code });

const lookedUp = /^\/proc\/(\d+)(?:\/(\w+))?$/;

function processAt(here: { readonly world: World; readonly process: Process }, path: string, pid: string): Process {
  if (here.world.isLookFailed(here.process)) throw failure('EMFILE', path);
  const found = here.process.machine.processes.get(Number(pid));
  const isHidden = here.process.machine.hidesProcesses && found?.user.uid !== here.process.user.uid;
  if (!found || isHidden) throw failure('ENOENT', path);
  return found;
}

/** Process 1 is root's. */
function readProc(here: { readonly world: World; readonly process: Process }, path: string): string {
  if (path === '/proc/sys/kernel/random/boot_id') {
    if (here.world.isLookFailed(here.process)) throw failure('EMFILE', path);
    return `${here.process.machine.bootId}\n`;
  }
  if (path === '/proc/self/mountinfo') {
    if (here.world.isLookFailed(here.process)) throw failure('EMFILE', path);
    return `22 28 0:21 / /proc rw,relatime shared:5 - proc proc rw${here.process.machine.hidesProcesses ? ',hidepid=invisible' : ''}\n`;
  }
  const [, number, what] = lookedUp.exec(path.replace('/proc/self/', `/proc/${here.process.pid}/`)) ?? [];
  if (number === '1') {
    if (here.process.machine.hidesProcesses) throw failure('ENOENT', path);
    if (what === 'stat') return `1 (init) S 0 ${Array.from({ length: 17 }, () => '0').join(' ')} 1 0`;
    throw failure('EACCES', path);
  }
  if (number === undefined) throw failure('ENOENT', path);
  const found = processAt(here, path, number);
  switch (what) {
    case 'stat':
      return `${found.pid} (node) S 1 ${Array.from({ length: 17 }, () => '0').join(' ')} ${found.startTicks} 0`;
    case 'status':
      return `Name:\tnode\nUid:\t${[0, 1, 2, 3].map(() => found.user.uid).join('\t')}\n`;
    case 'environ':
      if (found.user.uid !== here.process.user.uid) throw failure('EACCES', path);
      return Object.entries(found.environment)
        .map(([name, value]) => `${name}=${value}\0`)
        .join('');
    default:
      throw failure('ENOENT', path);
  }
}

/** Code that every machine has the same of. */
export const sharedFiles = new Map<string, string>();

function textAt(here: { readonly world: World; readonly process: Process }, path: string): Buffer {
  if (path.startsWith('/proc/')) return Buffer.from(readProc(here, path));
  const own = here.process.machine.files.get(path) ?? sharedFiles.get(path);
  if (own === undefined) throw failure('ENOENT', path);
  return Buffer.from(own);
}

function entriesOf(here: { readonly world: World; readonly process: Process }, path: string): string[] {
  const { machine, user } = here.process;
  if (path === '/proc') {
    if (here.world.isLookFailed(here.process)) throw failure('EMFILE', path);
    const shown = [...machine.processes.values()].filter((each) => !machine.hidesProcesses || each.user.uid === user.uid);
    return [...(machine.hidesProcesses ? [] : ['1']), ...shown.map(({ pid }) => String(pid)), 'self', 'sys'];
  }
  const inFolder = (file: string): string[] => (file.startsWith(`${path}/`) ? [file.slice(path.length + 1).split('/')[0] ?? ''] : []);
  const names = new Set([...sharedFiles.keys(), ...machine.files.keys()].flatMap(inFolder));
  if (names.size === 0) throw failure('ENOENT', path);
  return [...names].sort();
}

const asFile = {
  size: 1,
  isFile: () => true,
  isDirectory: () => false,
};

/** Each is done at once: what takes time is what is shared. */
const files: Record<string, (here: { readonly world: World; readonly process: Process }, ...given: never[]) => unknown> = {
  readFile: (here, path: string, options?: unknown) => {
    const text = textAt(here, path);
    const encoding = typeof options === 'string' ? options : (options as { readonly encoding?: string } | undefined)?.encoding;
    return encoding === undefined ? text : text.toString('utf8');
  },
  readdir: (here, path: string) => entriesOf(here, path),
  readlink: (here, path: string) => {
    if (here.world.isLookFailed(here.process)) throw failure('EMFILE', path);
    return path === '/proc/self' ? String(here.process.pid) : 'pid:[4026531836]';
  },
  stat: (here, path: string) => {
    const [, number] = lookedUp.exec(path) ?? [];
    if (number !== undefined) {
      if (number === '1') return { ...asFile, uid: 0 };
      return { ...asFile, uid: processAt(here, path, number).user.uid };
    }
    return { ...asFile, uid: here.process.user.uid, size: textAt(here, path).length };
  },
  // Each user has a machine's files as their own: whose they are is no part of what is played.
  lstat: (here, path: string) => {
    const isFile = here.process.machine.files.has(path) || sharedFiles.has(path);
    if (!isFile && path !== '/') entriesOf(here, path);
    return {
      ...asFile,
      uid: here.process.user.uid,
      mode: isFile ? 0o600 : 0o700,
      isFile: () => isFile,
      isDirectory: () => !isFile,
      isSymbolicLink: () => false,
    };
  },
  realpath: (_, path: string) => path,
  access: (here, path: string) => void textAt(here, path),
  writeFile: (here, path: string, text: string | Uint8Array) => void here.process.machine.files.set(path, Buffer.from(text)),
  appendFile: (here, path: string, text: string) =>
    void here.process.machine.files.set(path, Buffer.concat([here.process.machine.files.get(path) ?? Buffer.of(), Buffer.from(text)])),
  mkdir: () => undefined,
  chmod: () => undefined,
  symlink: () => undefined,
  mkdtemp: (here, prefix: string) => `${prefix}${here.process.random.bytes(3).toString('hex')}`,
  rename: (here, from: string, to: string) => {
    here.process.machine.files.set(to, textAt(here, from));
    here.process.machine.files.delete(from);
  },
  rm: (here, path: string) => {
    for (const file of [...here.process.machine.files.keys()])
      if (file === path || file.startsWith(`${path}/`)) here.process.machine.files.delete(file);
  },
  open: (here, path: string) => ({
    writeFile: (text: Uint8Array) => Promise.resolve(void here.process.machine.files.set(path, Buffer.from(text))),
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }),
};

// Signals

function onHere(event: string, listener: (signal: string) => void): unknown {
  const here = inside();
  if (!here || !event.startsWith('SIG')) return real.on(event as 'exit', listener);
  const { listeners } = here.process;
  listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
  return process;
}

function offHere(event: string, listener: (signal: string) => void): unknown {
  const here = inside();
  if (!here || !event.startsWith('SIG')) return real.off(event, listener);
  here.process.listeners.get(event)?.delete(listener);
  return process;
}

function killHere(pid: number, signal: string | number = 'SIGTERM'): true {
  const here = inside();
  if (!here) return real.kill(pid, signal);
  const found = here.process.machine.processes.get(pid);
  if (!found) throw failure('ESRCH', `kill ${pid}`);
  if (found.user.uid !== here.process.user.uid) throw failure('EPERM', `kill ${pid}`);
  if (signal === 0) return true;
  here.world.say(here.process, `kills ${found.name}`);
  here.world.kill(found);
  return true;
}

/** Puts all of it in place, once. */
export function install(): void {
  Object.assign(globalThis, {
    Date: SimulatedDate,
    setTimeout: setTimeoutHere,
    setInterval: setIntervalHere,
    clearTimeout: clearHere,
    clearInterval: clearHere,
  });
  performance.now = moment;
  Math.random = () => inside()?.process.random.next() ?? real.random();
  Object.assign(timersPromises, { setTimeout: delayHere, setImmediate: turnHere });
  Object.assign(crypto, {
    randomBytes: (size: number) => inside()?.process.random.bytes(size) ?? real.randomBytes(size),
    randomUUID: () => {
      const here = inside();
      return here ? uuidOf(here.process.random.bytes(16)) : real.randomUUID();
    },
  });
  Object.assign(os, {
    hostname: () => inside()?.process.machine.name ?? real.hostname(),
    userInfo: () => {
      const here = inside();
      return here ? { username: here.process.user.name, uid: here.process.user.uid } : real.userInfo();
    },
  });
  const promises = fsPromises as unknown as Record<string, (...given: never[]) => unknown>;
  for (const [name, act] of Object.entries(files)) {
    const realOne = promises[name];
    promises[name] = async (...given: never[]) => {
      const here = inside();
      await Promise.resolve();
      if (!here) return realOne?.(...given);
      const [path, ...more] = given as unknown[];
      return act(here, (path instanceof URL ? fileURLToPath(path) : path) as never, ...(more as never[]));
    };
  }
  const { pid } = process;
  Object.defineProperty(process, 'pid', { get: () => inside()?.process.pid ?? pid, configurable: true });
  Object.assign(process, {
    on: onHere,
    off: offHere,
    kill: killHere,
    getuid: () => inside()?.process.user.uid ?? real.getuid?.(),
  });
  syncBuiltinESMExports();
}

import { AsyncLocalStorage } from 'node:async_hooks';

/** As much of Pulumi's SDK as a program of the simulation needs, in the place of `@pulumi/pulumi` and `@pulumi/aws`: values are known or not, at once. */

export interface Declared {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** Who runs a program. */
export interface Host {
  readonly isDryRun: boolean;
  /** @returns the resource's id, where it has one yet */
  readonly declare: (declared: Declared) => string | undefined;
  readonly outputsOf: (stack: string) => Readonly<Record<string, unknown>>;
}

const hosts = new AsyncLocalStorage<Host>();
const mocks = new AsyncLocalStorage<{ host?: Host }>();

function host(): Host {
  const found = hosts.getStore();
  if (!found) throw new Error('a program is run without an engine');
  return found;
}

export const runWith = <T>(given: Host, program: () => Promise<T>): Promise<T> => hosts.run(given, program);

export class Output<T = unknown> {
  readonly known: boolean;
  readonly value: T | undefined;

  constructor(known: boolean, value?: T) {
    this.known = known;
    this.value = value;
  }

  apply(act: (value: T) => unknown): Output {
    return this.known ? output(act(this.value as T)) : new Output(false);
  }
}

/** A value that nobody can know yet. */
export const unknown = Symbol('unknown');

export function output(value: unknown): Output {
  if (value instanceof Output) return value as Output;
  if (value === unknown) return new Output(false);
  return new Output(true, value);
}

/** Inputs with their outputs' values; what is not known is left out. */
export function plain(inputs: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, value]): [string, unknown][] => {
      if (value instanceof Output) return value.known ? [[name, value.value]] : [];
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return [[name, plain(value as Record<string, unknown>)]];
      return [[name, value]];
    }),
  );
}

export class Resource {
  readonly id: Output;

  constructor(type: string, name: string, inputs: Readonly<Record<string, unknown>>) {
    const id = host().declare({ type, name, inputs: plain(inputs) });
    this.id = id === undefined ? new Output(false) : new Output(true, id);
  }
}

export class Provider extends Resource {
  constructor(name: string, inputs: Readonly<Record<string, unknown>>) {
    super('pulumi:providers:aws', name, inputs);
  }
}

export class StackReference {
  readonly #outputs: Readonly<Record<string, unknown>>;

  constructor(name: string) {
    this.#outputs = host().outputsOf(name.split('/').at(-1) ?? name);
  }

  getOutputDetails(name: string): Promise<{ readonly value: unknown }> {
    return Promise.resolve({ value: this.#outputs[name] });
  }
}

export const Config = class {
  require(name: string): string {
    throw new Error(`${name} is not configured`);
  }
};

interface Mocks {
  readonly newResource: (given: { type: string; name: string; inputs: unknown }) => unknown;
}

export const runtime = {
  isDryRun: () => host().isDryRun,
  setMocks: (given: Mocks): Promise<void> => {
    const place = mocks.getStore();
    if (place)
      place.host = {
        isDryRun: true,
        declare: ({ type, name, inputs }) => void given.newResource({ type, name, inputs }),
        outputsOf: () => ({}),
      };
    return Promise.resolve();
  },
  runInPulumiStack: async (program: () => Promise<unknown>): Promise<void> => {
    const given = mocks.getStore()?.host;
    if (!given) throw new Error('nothing is mocked');
    given.declare({ type: 'pulumi:pulumi:Stack', name: 'stack', inputs: {} });
    await runWith(given, program);
  },
  disconnect: () => Promise.resolve(),
};

export const withLocalStorage = <T>(body: () => Promise<T>): Promise<T> => mocks.run({}, body);
export const debugPromiseLeaks = true;

export const LocalWorkspace = { create: () => Promise.reject(new Error('there is no CLI in the simulation')) };
export const Stack = { select: LocalWorkspace.create, create: LocalWorkspace.create };

export default { withLocalStorage, debugPromiseLeaks };

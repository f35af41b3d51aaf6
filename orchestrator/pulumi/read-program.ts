import { setImmediate as nextTurn } from 'node:timers/promises';
import { runtime } from '@pulumi/pulumi';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import state from '@pulumi/pulumi/runtime/state.js';
import { Foreign } from '../domain/foreign.ts';
import type { Text } from '../domain/foreign.ts';
import { saidBy } from '../domain/problem.ts';
import type { EngineStep } from './engine.ts';

/** What a program declares, or why it could not be read to its end. */
export type ReadProgram =
  { readonly ok: true; readonly steps: readonly EngineStep[] } | { readonly ok: false; readonly errors: readonly Text[] };

/**
 * What the engine will do in a stack that has nothing yet: it creates all that the program declares. For that no engine has to be started; what the
 * program could know of an output only from AWS is unknown to it, as in a preview. The provider is not asked: what it refuses, it refuses in the run.
 */
export function readProgram(program: PulumiFn, names: Names): Promise<ReadProgram> {
  const steps: EngineStep[] = [];
  return playProgram(program, names, ({ type, name }) => {
    const urn = `urn:pulumi:${names.stack}::${names.project}::${type}::${name}`;
    steps.push({ phase: 'started', op: 'create', type, name, urn, changed: [], replacing: [] });
    return undefined;
  }).then((errors) => (errors.length === 0 ? { ok: true, steps } : { ok: false, errors: errors.map((text) => new Foreign(text)) }));
}

/** A resource as the program declares it. */
export interface DeclaredResource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/**
 * Runs a program without an engine. Never fails.
 * @param onResource told of each resource, in the order in which the program makes them. It gives its id; undefined: unknown, as before a first deploy
 * @returns what went wrong
 */
export function playProgram(
  program: PulumiFn,
  names: Names,
  onResource: (resource: DeclaredResource) => string | undefined,
): Promise<readonly string[]> {
  // One after the other, so that a rejection is of the one that is played.
  const played = turn.then(() => playInTurn(program, names, onResource));
  turn = played;
  return played;
}

let turn: Promise<unknown> = Promise.resolve();

interface Names {
  readonly project: string;
  readonly stack: string;
}

async function playInTurn(
  program: PulumiFn,
  names: Names,
  onResource: (resource: DeclaredResource) => string | undefined,
): Promise<readonly string[]> {
  const errors: string[] = [];
  // As the SDK has it for a program that an engine runs: a resource whose arguments fail tells nobody else.
  const onRejection = (cause: unknown): void => void errors.push(saidBy(cause));
  process.on('unhandledRejection', onRejection);
  try {
    await isolated(async () => {
      await runtime.setMocks(
        {
          newResource: ({ type, name, inputs }) => {
            const declared = inputs as Record<string, unknown>;
            return { id: onResource({ type, name, inputs: declared }), state: declared };
          },
          call: ({ token }) => {
            throw new Error(`${token} is asked of the provider, which is not there when a program is only read`);
          },
        },
        names.project,
        names.stack,
        true,
      );
      await runtime.runInPulumiStack(program);
      await runtime.disconnect();
    });
  } catch (cause) {
    errors.unshift(saidBy(cause));
  } finally {
    // A rejection that nobody handles is told when the promises of this moment are through: also those that a program leaves that throws.
    await nextTurn();
    process.off('unhandledRejection', onRejection);
  }
  return [...new Set(errors)];
}

/** The SDK keeps what belongs to one program in such a place, also for the programs that an engine runs at the same time; its types do not tell of it. */
const isolated = (act: () => Promise<void>): Promise<void> =>
  (state as unknown as { withLocalStorage: <T>(callback: () => Promise<T>) => Promise<T> }).withLocalStorage(act);

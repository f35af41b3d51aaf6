import { objectKey } from '../inventory/live-object.ts';
import type { StackState } from '../state/checkpoints.ts';
import { isCloudObject, readDeployment } from '../state/deployment.ts';
import type { StateResource } from '../state/deployment.ts';
import type { RecoveryType } from './examine.ts';
import type { Elsewhere, Holder } from './subjects.ts';

export interface ElsewhereRequest {
  /** @param known what was read before: a checkpoint that is unchanged is not read again @throws where the bucket cannot be asked */
  readonly read: (
    known: ReadonlyMap<string, StackState>,
  ) => Promise<{ readonly states: ReadonlyMap<string, StackState>; readonly unreadable: readonly { readonly stack: string }[] }>;
  /** As they were read when the command began. */
  readonly states: ReadonlyMap<string, StackState>;
  /** Full names of the stacks that the network has, deployed or not. */
  readonly stacks: readonly string[];
  readonly typeOf: (type: string) => Pick<RecoveryType, 'idOf'> | undefined;
}

/** The states of a network, kept up to date with one listing each time that they are asked for. */
export class NetworkStates {
  readonly #request: ElsewhereRequest;
  readonly #held = new WeakMap<StackState, readonly (readonly [string, Holder])[]>();
  #states: ReadonlyMap<string, StackState>;

  constructor(request: ElsewhereRequest) {
    this.#request = request;
    this.#states = request.states;
  }

  /** As they were read last. */
  get states(): ReadonlyMap<string, StackState> {
    return this.#states;
  }

  /** What the others have beside this stack (full name). Never throws: states that cannot be read are named. */
  async beside(stack: string): Promise<Elsewhere> {
    const { read, stacks } = this.#request;
    let unread: readonly string[];
    try {
      const { states, unreadable } = await read(this.#states);
      this.#states = states;
      unread = unreadable.map((state) => state.stack);
    } catch {
      unread = [...new Set([...stacks, ...this.#states.keys()])];
    }
    const others = [...this.#states.values()].filter((state) => state.stack !== stack);
    return {
      holders: new Map(others.flatMap((state) => this.#heldBy(state))),
      unread: unread.filter((name) => name !== stack).sort(),
    };
  }

  #heldBy(state: StackState): readonly (readonly [string, Holder])[] {
    const held = this.#held.get(state) ?? this.#read(state);
    this.#held.set(state, held);
    return held;
  }

  #read({ stack, body }: StackState): readonly (readonly [string, Holder])[] {
    const read = readDeployment(body);
    if (!read.ok) return [];
    return read.deployment.resources
      .filter((resource) => isCloudObject(resource) && !resource.replacing)
      .flatMap((resource) =>
        this.#idsOf(resource).map((id) => [objectKey({ type: resource.type, id }), { stack, resource: resource.name }] as const),
      );
  }

  /** Its own, and the one that the provider makes of its key: an import may have left another spelling. */
  #idsOf({ type, id, inputs, outputs }: StateResource): readonly string[] {
    const made = this.#request.typeOf(type)?.idOf?.({ ...inputs, ...outputs });
    return [...new Set([id, made].flatMap((one) => one ?? []))];
  }
}

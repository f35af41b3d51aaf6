import { objectKey } from '../inventory/live-object.ts';
import type { Inventory, LiveObject } from '../inventory/live-object.ts';

/** A look at AWS, and what was looked up in it by id: of an id that nobody asked for, not being shown says nothing. */
export interface Look {
  readonly inventory: Inventory;
  /** As `objectKey` names them. */
  readonly ids: ReadonlySet<string>;
}

/** What a resource is looked for by. */
export interface Sought {
  readonly type: string;
  readonly id: string | undefined;
  /** By its tags or its key. */
  readonly matches: (object: LiveObject) => boolean;
}

/**
 * The looks since nobody could write any more, in their order. EC2's describes are eventually consistent: one of them may miss what was made, or show
 * what is gone, for a while.
 */
export class Looks {
  readonly #looks: readonly Look[];
  readonly #stalenessMs: (type: string) => number;

  /** @param stalenessMs for how long after an act on a type a describe is taken to show what was before it */
  constructor(looks: readonly Look[], stalenessMs: (type: string) => number) {
    this.#looks = looks;
    this.#stalenessMs = stalenessMs;
  }

  get newest(): Inventory | undefined {
    return this.#looks.at(-1)?.inventory;
  }

  /** Every object, as each look showed it. */
  get everShown(): readonly LiveObject[] {
    return everShown(this.#looks);
  }

  get count(): number {
    return this.#looks.length;
  }

  /** Whether the newest look and one that is further back than AWS may lag, and all between, show the same of it. */
  agreeOn(sought: Sought): boolean {
    const since = this.#agreesSince(sought);
    return since !== undefined && since.newestMs - since.firstMs >= this.#stalenessMs(sought.type);
  }

  /** When a look would be far enough from the first that agrees with the newest; undefined where there is none. */
  settledAtMs(sought: Sought): number | undefined {
    const since = this.#agreesSince(sought);
    return since && since.firstMs + this.#stalenessMs(sought.type);
  }

  #agreesSince(sought: Sought): { readonly firstMs: number; readonly newestMs: number } | undefined {
    const newest = this.#looks.at(-1);
    if (!newest) return undefined;
    const shown = signature(newest, sought);
    if (shown === undefined) return undefined;
    let first = newest;
    for (const look of this.#looks.toReversed()) {
      if (signature(look, sought) !== shown) break;
      first = look;
    }
    return { firstMs: first.inventory.from, newestMs: newest.inventory.from };
  }
}

/** Every object, as each look showed it. */
export const everShown = (looks: readonly Look[]): readonly LiveObject[] => looks.flatMap(({ inventory }) => inventory.objects);

/** What a look shows of it; undefined where it says nothing. */
function signature({ inventory, ids }: Look, { type, id, matches }: Sought): string | undefined {
  const shown = inventory.objects.filter((object) => object.type === type && (object.id === id || matches(object)));
  if (id !== undefined && !ids.has(objectKey({ type, id })) && !shown.some((object) => object.id === id)) return undefined;
  return shown
    .map((object) => `${object.id} ${object.phase}`)
    .sort()
    .join(', ');
}

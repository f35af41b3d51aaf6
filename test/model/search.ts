/**
 * Breadth-first search of a model. Every state is kept whole, so that two are the same only where they are equal: none is lost to a hash. A state comes
 * apart into a few parts (the record, the lock, where each actor is); each value that a part ever has is numbered, and a state is a row of these numbers.
 */

export interface Step<S> {
  readonly label: string;
  readonly to: S;
  /** Something breaks. That everything can end well has to hold without another one of these. */
  readonly isFault: boolean;
}

export interface Model<S> {
  readonly start: S;
  readonly next: (state: S) => readonly Step<S>[];
  /** What the state breaks. */
  readonly violation: (state: S) => string | undefined;
  /** Nothing is left to do. */
  readonly isEnd: (state: S) => boolean;
  /** As many parts for each state. Two that are equal have to be the same value: strings, numbers, or objects that are made once. */
  readonly partsOf: (state: S) => readonly unknown[];
  readonly ofParts: (parts: readonly unknown[]) => S;
}

export type Verdict =
  /** Every state was seen; none breaks anything; each can end well without another fault. */
  | { readonly kind: 'holds' }
  | { readonly kind: 'violated'; readonly what: string; readonly history: readonly string[] }
  /** From its last state nothing leads to an end but another fault. */
  | { readonly kind: 'stuck'; readonly history: readonly string[] }
  | { readonly kind: 'too-many-states' };

export interface Result {
  readonly states: number;
  readonly transitions: number;
  /** Steps of the longest of the shortest histories. */
  readonly depth: number;
  readonly milliseconds: number;
  readonly verdict: Verdict;
}

export function search<S>(model: Model<S>, { mostStates = 4_000_000 } = {}): Result {
  const began = performance.now();
  const states = new States(model.partsOf(model.start));
  const parents = new Numbers();
  const edges = { from: new Numbers(), to: new Numbers() };
  const ends: number[] = [];
  let transitions = 0;
  let depth = 0;

  const result = (verdict: Verdict): Result => ({
    states: states.count,
    transitions,
    depth,
    milliseconds: Math.round(performance.now() - began),
    verdict,
  });
  /** The shortest history that leads to a state. */
  const historyOf = (id: number): string[] => {
    const labels: string[] = [];
    for (let at = id; at !== 0; at = parents.at(at)) {
      const step = model.next(model.ofParts(states.partsOf(parents.at(at)))).find(({ to }) => states.find(model.partsOf(to)) === at);
      labels.unshift(step?.label ?? '?');
    }
    return labels;
  };

  parents.add(0);
  if (model.isEnd(model.start)) ends.push(0);
  let levelEnds = 1;
  for (let id = 0; id < states.count; id += 1) {
    if (id === levelEnds) {
      depth += 1;
      levelEnds = states.count;
    }
    for (const { to, isFault } of model.next(model.ofParts(states.partsOf(id)))) {
      transitions += 1;
      const known = states.count;
      const after = states.add(model.partsOf(to));
      if (!isFault) {
        edges.from.add(id);
        edges.to.add(after);
      }
      if (after < known) continue;
      parents.add(id);
      const what = model.violation(to);
      if (what !== undefined) {
        depth += 1;
        return result({ kind: 'violated', what, history: historyOf(after) });
      }
      if (model.isEnd(to)) ends.push(after);
      if (states.count > mostStates) return result({ kind: 'too-many-states' });
    }
  }
  const stuck = firstThatCannotReach(ends, edges.from, edges.to, states.count);
  return result(stuck === undefined ? { kind: 'holds' } : { kind: 'stuck', history: historyOf(stuck) });
}

/** Backwards from the ends. */
function firstThatCannotReach(ends: readonly number[], from: Numbers, to: Numbers, states: number): number | undefined {
  // The edges into each state, one state after the other.
  const starts = new Int32Array(states + 1);
  for (let edge = 0; edge < to.count; edge += 1) starts[to.at(edge) + 1] = (starts[to.at(edge) + 1] ?? 0) + 1;
  for (let id = 0; id < states; id += 1) starts[id + 1] = (starts[id + 1] ?? 0) + (starts[id] ?? 0);
  const into = new Int32Array(to.count);
  const filled = starts.slice();
  for (let edge = 0; edge < to.count; edge += 1) {
    const place = filled[to.at(edge)] ?? 0;
    into[place] = from.at(edge);
    filled[to.at(edge)] = place + 1;
  }
  const can = new Uint8Array(states);
  const open = [...ends];
  for (const id of ends) can[id] = 1;
  for (let id = open.pop(); id !== undefined; id = open.pop())
    for (let place = starts[id] ?? 0; place < (starts[id + 1] ?? 0); place += 1) {
      const before = into[place] ?? 0;
      if (can[before] === 1) continue;
      can[before] = 1;
      open.push(before);
    }
  const stuck = can.indexOf(0);
  return stuck === -1 ? undefined : stuck;
}

/** A list of numbers that grows without a box for each. */
class Numbers {
  count = 0;
  private values = new Int32Array(1 << 12);

  add(value: number): void {
    if (this.count === this.values.length) {
      const more = new Int32Array(this.count * 2);
      more.set(this.values);
      this.values = more;
    }
    this.values[this.count] = value;
    this.count += 1;
  }

  at(index: number): number {
    return this.values[index] ?? 0;
  }
}

/** Different values of one part. */
const mostValues = 1 << 16;

/** Every state that was seen, numbered in the order in which they were. */
class States {
  count = 0;
  private readonly width: number;
  private readonly numbers: Map<unknown, number>[];
  private readonly values: unknown[][];
  private rows: Uint16Array;
  /** Open addressing: the number of a state and 1; 0 where there is none. */
  private slots = new Int32Array(1 << 13);
  private readonly row: Uint16Array;

  constructor(first: readonly unknown[]) {
    this.width = first.length;
    this.numbers = first.map(() => new Map<unknown, number>());
    this.values = first.map(() => []);
    this.row = new Uint16Array(this.width);
    this.rows = new Uint16Array(this.width << 12);
    this.add(first);
  }

  partsOf(id: number): unknown[] {
    const parts = new Array<unknown>(this.width);
    for (let part = 0; part < this.width; part += 1) parts[part] = this.values[part]?.[this.rows[id * this.width + part] ?? 0];
    return parts;
  }

  /** @returns its number: a new one where it was not seen before */
  add(parts: readonly unknown[]): number {
    const slot = this.slotOf(parts);
    const there = this.slots[slot] ?? 0;
    if (there !== 0) return there - 1;
    const id = this.count;
    this.count += 1;
    if (this.count * this.width > this.rows.length) {
      const more = new Uint16Array(this.rows.length * 2);
      more.set(this.rows);
      this.rows = more;
    }
    this.rows.set(this.row, id * this.width);
    this.slots[slot] = this.count;
    if (this.count * 2 > this.slots.length) this.growSlots();
    return id;
  }

  find(parts: readonly unknown[]): number | undefined {
    const there = this.slots[this.slotOf(parts)] ?? 0;
    return there === 0 ? undefined : there - 1;
  }

  /** Where it is, or belongs. Leaves its row in `row`. */
  private slotOf(parts: readonly unknown[]): number {
    for (let part = 0; part < this.width; part += 1) {
      const numbers = this.numbers[part];
      const value = parts[part];
      let number = numbers?.get(value);
      if (number === undefined) {
        number = numbers?.size ?? 0;
        if (number === mostValues) throw new Error(`part ${part} has more than ${mostValues} values`);
        numbers?.set(value, number);
        this.values[part]?.push(value);
      }
      this.row[part] = number;
    }
    const mask = this.slots.length - 1;
    let slot = hashOf(this.row, 0, this.width) & mask;
    for (let there = this.slots[slot] ?? 0; there !== 0 && !this.isRow(there - 1); there = this.slots[slot] ?? 0) slot = (slot + 1) & mask;
    return slot;
  }

  private isRow(id: number): boolean {
    const from = id * this.width;
    for (let part = 0; part < this.width; part += 1) if (this.rows[from + part] !== this.row[part]) return false;
    return true;
  }

  private growSlots(): void {
    const slots = new Int32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let id = 0; id < this.count; id += 1) {
      let slot = hashOf(this.rows, id * this.width, this.width) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.slots = slots;
  }
}

function hashOf(numbers: Uint16Array, from: number, count: number): number {
  let hash = 0x9e3779b9;
  for (let index = from; index < from + count; index += 1) {
    hash = Math.imul(hash ^ (numbers[index] ?? 0), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

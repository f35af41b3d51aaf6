import { blockKey, isSameBlock } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';

/**
 * All destinations of a network, nested. A table's longest match for an address follows from nothing but the smallest destination that any table has around
 * it. So the addresses whose smallest destination is the same meet the same everywhere, and there are only as many of these classes as destinations: that is
 * what the speed of the whole comes from. A class is the index of its destination; blocks come after those around them.
 */
export class Prefixes {
  readonly blocks: readonly Cidr[];
  /** The next wider destination around each; -1 where there is none. */
  readonly #parents: Int32Array;
  readonly #own: Float64Array;
  readonly #indexes: ReadonlyMap<number, number>;

  constructor(blocks: Iterable<Cidr>) {
    const distinct = new Map<number, Cidr>();
    for (const block of blocks) distinct.set(blockKey(block), block);
    this.blocks = [...distinct.values()].sort((a, b) => a.first - b.first || a.prefixLength - b.prefixLength);
    this.#indexes = new Map(this.blocks.map((block, index) => [blockKey(block), index]));
    this.#parents = new Int32Array(this.blocks.length);
    this.#own = new Float64Array(this.blocks.length);
    const around: number[] = [];
    for (const [index, block] of this.blocks.entries()) {
      while (around.length > 0 && this.at(around.at(-1) ?? 0).last < block.first) around.pop();
      const parent = around.at(-1) ?? -1;
      this.#parents[index] = parent;
      this.#own[index] = sizeOf(block);
      if (parent >= 0) this.#own[parent] = this.ownSize(parent) - sizeOf(block);
      around.push(index);
    }
  }

  at(index: number): Cidr {
    const block = this.blocks[index];
    if (block === undefined) throw new RangeError(`there is no destination ${index}`);
    return block;
  }

  has(block: Cidr): boolean {
    return this.#indexes.has(blockKey(block));
  }

  /** -1 for a destination that is none of these. */
  indexOf(block: Cidr): number {
    return this.#indexes.get(blockKey(block)) ?? -1;
  }

  parentOf(index: number): number {
    return this.#parents[index] ?? -1;
  }

  /** How many addresses are in a destination and in no smaller one. */
  ownSize(index: number): number {
    return this.#own[index] ?? 0;
  }

  /** The smallest destination around a block; -1 where there is none. */
  around(block: Pick<Cidr, 'first' | 'last'>): number {
    let index = this.#lastFrom(block.first);
    while (index >= 0 && (this.at(index).last < block.last || this.at(index).first > block.first)) index = this.parentOf(index);
    return index;
  }

  /** The classes that a block has addresses of. Those of addresses that no destination covers are -1. */
  within(block: Cidr): number[] {
    const outer = this.around(block);
    const classes: number[] = [];
    let left = sizeOf(block);
    for (let index = this.#firstAfter(block, outer); index < this.blocks.length && this.at(index).first <= block.last; index += 1) {
      if (this.ownSize(index) > 0) classes.push(index);
      if (this.parentOf(index) === outer) left -= sizeOf(this.at(index));
    }
    const isOuterItself = isSameBlock(this.blocks[outer], block);
    if (isOuterItself ? this.ownSize(outer) > 0 : left > 0) classes.unshift(outer);
    return classes;
  }

  /** Of each class whether its addresses are in one of these blocks, which are destinations themselves. */
  inside(blocks: readonly Cidr[]): boolean[] {
    const own = new Set(blocks.map((block) => this.indexOf(block)));
    const isInside: boolean[] = [];
    for (const index of this.blocks.keys()) isInside.push(own.has(index) || isInside[this.parentOf(index)] === true);
    return isInside;
  }

  /** An address of the class; undefined where it has none. */
  addressOf(index: number): number | undefined {
    if (this.ownSize(index) <= 0) return undefined;
    let address = this.at(index).first;
    for (let child = index + 1; child < this.blocks.length && this.at(child).first <= address; child += 1)
      if (this.parentOf(child) === index) address = this.at(child).last + 1;
    return address;
  }

  /** The last destination that begins at the address or before it; of several that begin there, the smallest. */
  #lastFrom(address: number): number {
    let [low, high] = [0, this.blocks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle).first <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The first destination inside a block that is not the one around it. */
  #firstAfter(block: Cidr, outer: number): number {
    let index = this.#lastFrom(block.first - 1) + 1;
    while (index < this.blocks.length && this.at(index).first === block.first && this.at(index).prefixLength < block.prefixLength)
      index += 1;
    return index === outer ? index + 1 : index;
  }
}

const sizeOf = ({ first, last }: Pick<Cidr, 'first' | 'last'>): number => last - first + 1;

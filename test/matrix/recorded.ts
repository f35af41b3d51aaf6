import type { Point } from './calls.ts';
import { cellsOf, isBase, parts as allParts, secondCellsOf } from './cells.ts';
import type { Cell, SecondCell } from './cells.ts';
import type { Crew } from './crew.ts';
import type { AwsLook } from './oracle.ts';
import type { Part } from './scenarios.ts';

/** What clean runs of some parts came to: every cell of them, and what AWS has in the end. */
export class Recorded {
  readonly cells: readonly Cell[];
  readonly #looks: ReadonlyMap<string, AwsLook>;
  readonly #recoveries = new Map<string, Promise<readonly Point[]>>();

  private constructor(cells: readonly Cell[], looks: ReadonlyMap<string, AwsLook>) {
    this.cells = cells;
    this.#looks = looks;
  }

  static async make(crew: Crew, parts: readonly Part[] = allParts): Promise<Recorded> {
    const recordings = await Promise.all(parts.map(async (part) => ({ part, ...(await crew.record(part)) })));
    return new Recorded(
      recordings.flatMap(({ part, points }) => cellsOf(part, points)),
      new Map(recordings.map(({ part, look }) => [part.name, look])),
    );
  }

  lookOf(cell: Cell | SecondCell): AwsLook {
    const { part } = 'base' in cell ? cell.base : cell;
    const look = this.#looks.get(part.name);
    if (!look) throw new Error(`${part.name} was not recorded`);
    return look;
  }

  /** Second faults in the recoveries of runs that were cut off at a call of AWS. */
  async secondCells(crew: Crew, isAsked: (base: Cell) => boolean): Promise<readonly SecondCell[]> {
    const bases = this.cells.filter((cell) => isBase(cell) && isAsked(cell));
    const each = await Promise.all(bases.map(async (base) => secondCellsOf(base, await this.#recoveryOf(crew, base))));
    return each.flat();
  }

  /** Made once for each. */
  #recoveryOf(crew: Crew, base: Cell): Promise<readonly Point[]> {
    const known = this.#recoveries.get(base.id) ?? crew.recordRecovery(base);
    this.#recoveries.set(base.id, known);
    return known;
  }
}

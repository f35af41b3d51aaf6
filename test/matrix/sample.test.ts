import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { count, nightly, tier } from '../support/tier.ts';
import { parts } from './cells.ts';
import type { Cell, SecondCell } from './cells.ts';
import { Crew } from './crew.ts';
import { Recorded } from './recorded.ts';
import { atNight, onPush, secondAtNight, secondOnPush } from './sample.ts';

const always = tier === 'all' ? [...onPush, ...atNight] : onPush;
const alwaysSecond = tier === 'all' ? [...secondOnPush, ...secondAtNight] : secondOnPush;

/** Of what is not run always other cases each day, each of another part, and the same all day long, so that a failure is seen again. */
const day = Math.floor(Date.now() / 86_400_000);
const placeOf = (name: string): string => createHash('sha256').update(`${day} ${name}`).digest('hex');
/** By their names and not by their numbers: a recording has a checkpoint more or less than the one before. */
const shuffled = <Named>(all: readonly Named[], nameOf: (one: Named) => string): readonly Named[] =>
  all.toSorted((a, b) => (placeOf(nameOf(a)) < placeOf(nameOf(b)) ? -1 : 1));
const partsOfToday = shuffled(parts, ({ name }) => name).slice(0, count({ push: 1, all: 8 }));

let crew: Crew;
let recorded: Recorded;
beforeAll(async () => {
  crew = await Crew.open(3);
  // On a push the parts alone that its cases are of.
  recorded = await Recorded.make(
    crew,
    parts.filter((part) => tier === 'all' || partsOfToday.includes(part) || onPush.some((id) => id.startsWith(`${part.name}/`))),
  );
}, 600_000);
afterAll(() => crew.close());

async function passes(cell: Cell | SecondCell | undefined): Promise<void> {
  if (cell === undefined) throw new Error('no clean run makes that call any more: npm run matrix -- --list');
  const { id, findings, said } = await crew.run(cell, recorded.lookOf(cell));
  expect(findings, `npm run matrix -- --case '${id}'\n${said ?? ''}`).toEqual([]);
}

nightly('the cases of a push and of a night try each fault at each kind of call that it can strike', () => {
  const struck = ({ fault, point }: Cell): string => `${fault.name} at a call of ${point.role}`;
  const cells = recorded.cells.filter(({ verdict }) => verdict.run);
  const sample = new Set([...onPush, ...atNight]);
  const tried = new Set(cells.filter(({ id }) => sample.has(id)).map(struck));
  expect([...new Set(cells.map(struck))].filter((pair) => !tried.has(pair))).toEqual([]);
});

describe.concurrent('a run that is interrupted, recovered and finished is as one that nothing befell', () => {
  it.each(always)('%s', (id) => passes(recorded.cells.find((cell) => cell.id === id)));

  it.each(partsOfToday)("one of today's others: of $name", (part) => {
    const others = recorded.cells.filter((cell) => cell.part === part && cell.verdict.run && !always.includes(cell.id));
    return passes(shuffled(others, ({ id }) => id)[0]);
  });
});

describe.concurrent('a recovery that is interrupted itself is done by the next one', () => {
  it.each(alwaysSecond)('%s', async (id) => {
    const second = await recorded.secondCells(crew, (base) => id.startsWith(`${base.id}//`));
    await passes(second.find((cell) => cell.id === id));
  });
});

import type { Point } from './calls.ts';
import { faults, moments, secondFaults } from './faults.ts';
import type { Fault, Moment, Struck, Verdict } from './faults.ts';
import { scenarios } from './scenarios.ts';
import type { Part } from './scenarios.ts';

/** One call, one moment, one fault. */
export interface Cell {
  /** Names the case on a command line. */
  readonly id: string;
  readonly part: Part;
  readonly point: Point;
  readonly moment: Moment;
  readonly fault: Fault;
  readonly verdict: Verdict;
}

/** What names a cell in another process, which knows the parts and the faults. */
export interface CellName {
  readonly part: string;
  readonly point: Point;
  readonly moment: Moment;
  readonly fault: string;
}

/** Every cell of a part, those included for which another one stands. */
export function cellsOf(part: Part, points: readonly Point[]): readonly Cell[] {
  return points.flatMap((point) => moments.flatMap((moment) => faults.map((fault) => cell(part, point, moment, fault))));
}

const cell = (part: Part, point: Point, moment: Moment, fault: Fault): Cell => ({
  id: idOf(point, moment, fault),
  part,
  point,
  moment,
  fault,
  verdict: verdictOf(part, point, moment, fault),
});

export const nameOf = ({ part, point, moment, fault }: Cell): CellName => ({ part: part.name, point, moment, fault: fault.name });

export function cellOf({ part: partName, point, moment, fault: faultName }: CellName): Cell {
  const part = parts.find(({ name }) => name === partName);
  const fault = faults.find(({ name }) => name === faultName);
  if (!part || !fault) throw new Error(`there is no ${partName} with ${faultName}`);
  return cell(part, point, moment, fault);
}

export const parts: readonly Part[] = scenarios.flatMap((scenario) => scenario.parts);

const idOf = (point: Point, moment: Moment, fault: Fault): string => `${point.part}/${tailOf(point, moment, fault)}`;

const tailOf = ({ name }: Point, moment: Moment, fault: Fault): string => `${name.replaceAll(' ', '-')}/${moment}/${fault.name}`;

const afterReply: Verdict = {
  run: false,
  because: 'what AWS and the bucket have when a reply has arrived is what they have before the next call, and nothing is under way',
};

/** Parts whose own writes (record, lock, journal) are hit; the same code makes those of the others, whatever the stack and its program. */
const ownWritesAreHit: ReadonlySet<string> = new Set(['first-deploy/transit-gateway', 'destroy/transit-gateway']);

/** Parts that make the calls of another one: the engine's destroy runs no program, and does not know whether the file still has the stack. */
const likeDeleteVpc: ReadonlySet<string> = new Set(['destroy/route-tables.one', 'destroy/member.one', 'destroy/vpc.one']);
const runThereToo: ReadonlySet<string> = new Set(['cli-killed', 'provider-killed', 'orchestrator-killed', 'everything-killed']);

function verdictOf(part: Part, point: Point, moment: Moment, fault: Fault): Verdict {
  if (moment === 'after') return afterReply;
  const verdict = fault.at(point, moment);
  if (!verdict.run) return verdict;
  if (point.role !== 'ec2' && point.role !== 'checkpoint' && !ownWritesAreHit.has(part.name))
    return {
      run: false,
      because: `the same writes, by the same code, as those of ${part.command[0] === 'up' ? 'first-deploy' : 'destroy'}/transit-gateway`,
    };
  if (likeDeleteVpc.has(part.name) && !(point.role === 'ec2' && moment === 'accepted' && runThereToo.has(fault.name)))
    return { run: false, because: `the same calls as in ${part.name.replace('destroy', 'delete-vpc')}: a destroy runs no program` };
  return verdict;
}

/** A second fault, at a call of the recovery. */
export interface SecondCell {
  readonly id: string;
  readonly base: Cell;
  readonly point: Point;
  readonly moment: Struck;
  readonly fault: Fault;
  readonly verdict: Verdict;
}

export interface SecondName {
  readonly base: CellName;
  readonly point: Point;
  readonly moment: Struck;
  readonly fault: string;
}

/** What a recovery may have to deal with: each call of AWS that was accepted and of which nobody heard. */
export const isBase = ({ point, moment, fault, verdict }: Cell): boolean =>
  verdict.run && point.role === 'ec2' && moment === 'accepted' && fault.name === 'cli-killed';

const copies: Verdict = {
  run: false,
  because: 'one of many copies in quarantine, each by the same code and under its own key: as at the first',
};

export function secondCellsOf(base: Cell, points: readonly Point[]): readonly SecondCell[] {
  return points.flatMap((point) => secondMoments.flatMap((moment) => secondFaults.map((fault) => secondCell(base, point, moment, fault))));
}

const secondMoments = ['before', 'accepted'] as const;

function secondCell(base: Cell, point: Point, moment: Struck, fault: Fault): SecondCell {
  const isCopy = point.name.startsWith('quarantine') && point.match.nth > 1;
  return {
    id: `${base.id}//recover/${tailOf(point, moment, fault)}`,
    base,
    point,
    moment,
    fault,
    verdict: isCopy ? copies : fault.at(point, moment),
  };
}

export const secondNameOf = ({ base, point, moment, fault }: SecondCell): SecondName => ({
  base: nameOf(base),
  point,
  moment,
  fault: fault.name,
});

export function secondCellOf({ base, point, moment, fault: faultName }: SecondName): SecondCell {
  const fault = secondFaults.find(({ name }) => name === faultName);
  if (!fault) throw new Error(`there is no second fault ${faultName}`);
  return secondCell(cellOf(base), point, moment, fault);
}

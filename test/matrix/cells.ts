import type { Point } from './calls.ts';
import { faults, moments } from './faults.ts';
import type { Fault, Moment, Verdict } from './faults.ts';
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

const afterReply: Verdict = {
  run: false,
  because: 'what AWS and the bucket have when a reply has arrived is what they have before the next call, and nothing is under way',
};

/** Parts whose own writes (lock, journal, marks) are hit; the same code makes those of the others, whatever the stack and its program. */
const ownWritesAreHit: ReadonlySet<string> = new Set(['first-deploy/transit-gateway', 'destroy/transit-gateway']);

/** Every cell of a part, those included for which another one stands. */
export function cellsOf(part: Part, points: readonly Point[]): readonly Cell[] {
  return points.flatMap((point) =>
    moments.flatMap((moment) =>
      faults.map((fault) => ({
        id: `${part.name}/${point.name.replaceAll(' ', '-')}/${moment}/${fault.name}`,
        part,
        point,
        moment,
        fault,
        verdict: verdictOf(part, point, moment, fault),
      })),
    ),
  );
}

function verdictOf(part: Part, point: Point, moment: Moment, fault: Fault): Verdict {
  if (moment === 'after') return afterReply;
  const verdict = fault.at(point, moment);
  if (!verdict.run) return verdict;
  if (point.role !== 'ec2' && point.role !== 'checkpoint' && !ownWritesAreHit.has(part.name))
    return {
      run: false,
      because: `the same writes, by the same code, as those of ${part.command[0] === 'up' ? 'first-deploy' : 'destroy'}/transit-gateway`,
    };
  return verdict;
}

import { exitCodes, worstOf } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { StackResult } from '../run/events.ts';
import { detailOfHeld } from '../run/standing.ts';
import type { Standings } from '../run/standing.ts';
import type { UnreadableState } from '../state/checkpoints.ts';

interface Vertex {
  readonly name: string;
  readonly upstreams: readonly string[];
}

/**
 * What a run over `selected` leaves out: what is held or frozen, what has a checkpoint that no engine is shown, and all that stands on it. For `destroy`
 * also all that it stands on: what is held cannot go, and goes before that.
 */
export function blockedStacks(
  vertices: readonly Vertex[],
  selected: ReadonlySet<string>,
  standings: Standings,
  stage: 'up' | 'destroy',
  unreadable: readonly UnreadableState[] = [],
): { readonly ends: readonly StackResult[]; readonly exitCode: ExitCode } {
  const causes = new Map<string, string>();
  for (const [stack, { kind }] of standings.byStack) if (kind === 'held' || kind === 'frozen') causes.set(stack, stack);
  const unread = new Map(unreadable.filter(({ stack }) => !causes.has(stack)).map((state) => [state.stack, state]));
  for (const stack of unread.keys()) causes.set(stack, stack);
  // A cause spreads in one direction at a time: what stands beside a held stack, on the same upstream, is not its business.
  const spread = (next: (name: string) => readonly string[]): void => {
    const open = [...causes];
    for (let entry = open.pop(); entry; entry = open.pop()) {
      const [name, cause] = entry;
      for (const neighbour of next(name)) {
        if (causes.has(neighbour)) continue;
        causes.set(neighbour, cause);
        open.push([neighbour, cause]);
      }
    }
  };
  spread((name) => vertices.filter(({ upstreams }) => upstreams.includes(name)).map((vertex) => vertex.name));
  if (stage === 'destroy') spread((name) => vertices.find((vertex) => vertex.name === name)?.upstreams ?? []);
  const ends = [...selected].flatMap((stack): StackResult[] => {
    const cause = causes.get(stack);
    if (cause === undefined) return [];
    const short = shortOf(stack);
    const standing = standings.byStack.get(cause);
    const state = unread.get(cause);
    if (state && cause === stack)
      return [
        {
          stack,
          short,
          end: { outcome: 'not-started', reason: 'checkpoint-refused', because: `${state.key}: ${state.detail}` },
          seconds: 0,
        },
      ];
    if (state)
      return [{ stack, short, end: { outcome: 'skipped', because: `the checkpoint of ${shortOf(cause)} is refused` }, seconds: 0 }];
    if (cause !== stack)
      return [{ stack, short, end: { outcome: 'skipped', because: `${shortOf(cause)} is ${standing?.kind ?? 'held'}` }, seconds: 0 }];
    if (standing?.kind === 'held') return [{ stack, short, end: { outcome: 'held', errors: [detailOfHeld(short, standing)] }, seconds: 0 }];
    return [{ stack, short, end: { outcome: 'locked', message: standing?.kind === 'frozen' ? standing.message : '' }, seconds: 0 }];
  });
  const reasons = ends.map(({ stack }) => causes.get(stack) ?? '');
  const kinds = new Set(reasons.filter((cause) => !unread.has(cause)).map((cause) => standings.byStack.get(cause)?.kind));
  return {
    ends,
    exitCode: worstOf([
      ...(kinds.has('held') ? [exitCodes.held] : []),
      ...(kinds.has('frozen') ? [exitCodes.lockedByOther] : []),
      ...(reasons.some((cause) => unread.has(cause)) ? [exitCodes.preflightRefused] : []),
      exitCodes.done,
    ]),
  };
}

/**
 * Full names of the stacks that read this one: by the network file, and by their states. A stack that has left the file still reads what it was deployed
 * with, until it is destroyed.
 */
export function dependentsOf(
  name: string,
  nodes: readonly { readonly name: string; readonly upstreams: readonly string[] }[],
  states: Iterable<{ readonly stack: string; readonly upstreams: readonly string[] }>,
): readonly string[] {
  const byState = [...states].map(({ stack, upstreams }) => ({ name: stack, upstreams }));
  return [...new Set([...byState, ...nodes].filter(({ upstreams }) => upstreams.includes(name)).map((dependent) => dependent.name))];
}

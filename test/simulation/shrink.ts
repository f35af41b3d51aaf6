import { play } from './history.ts';
import type { Played } from './history.ts';
import type { Plan } from './plan.ts';

/** The same violation from less: without actors, faults and oddities that it does not need, and with shorter pauses. */
export async function shrink(found: Played, mostTries = 400): Promise<Played> {
  const promise = found.violation?.promise;
  let best = found;
  let tries = 0;
  const attempt = async (plan: Plan): Promise<boolean> => {
    tries += 1;
    const played = await play(plan).catch(() => undefined);
    if (!played || played.violation?.promise !== promise) return false;
    best = played;
    return true;
  };
  // As it was, by its faults alone.
  if (!(await attempt({ ...found.plan, faults: found.struck }))) return found;
  for (let changed = true; changed && tries < mostTries;) {
    changed = false;
    for (const smaller of smallerThan(best.plan)) {
      if (tries >= mostTries) break;
      if (await attempt(smaller)) {
        changed = true;
        break;
      }
    }
  }
  return best;
}

/** Each a little smaller, the boldest first. */
function* smallerThan(plan: Plan): Generator<Plan> {
  const faults = plan.faults ?? [];
  for (const actor of plan.actors)
    if (plan.actors.length > 1)
      yield {
        ...plan,
        actors: plan.actors.filter((each) => each !== actor),
        faults: faults.filter(({ process }) => !process.endsWith(actor.name)),
      };
  for (const fault of faults) yield { ...plan, faults: faults.filter((each) => each !== fault) };
  for (const looks of plan.failedLooks) yield { ...plan, failedLooks: plan.failedLooks.filter((each) => each !== looks) };
  if (plan.awsLateMs > 0) yield { ...plan, awsLateMs: 0 };
  if (plan.sessionSeconds !== 7200) yield { ...plan, sessionSeconds: 7200 };
  for (const machine of plan.machines) {
    const others = plan.machines.filter((each) => each !== machine);
    if (machine.clockAheadMs !== 0) yield { ...plan, machines: [...others, { ...machine, clockAheadMs: 0 }] };
    if (machine.hidesProcesses) yield { ...plan, machines: [...others, { ...machine, hidesProcesses: false }] };
  }
  for (const fault of faults)
    for (const ms of [4_000, 20_000, 150_000, 1_200_000])
      if (ms < fault.ms && fault.kind !== 'clock-set')
        yield { ...plan, faults: faults.map((each) => (each === fault ? { ...fault, ms } : each)) };
  for (const actor of plan.actors)
    for (const startsAtMs of [0, 1_000, 15_000])
      if (startsAtMs < actor.startsAtMs)
        yield { ...plan, actors: plan.actors.map((each) => (each === actor ? { ...actor, startsAtMs } : each)) };
}

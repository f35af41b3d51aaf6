import { factValues } from '../../../orchestrator/recovery/facts.ts';
import type { FactName, Facts } from '../../../orchestrator/recovery/facts.ts';

const names = Object.keys(factValues) as FactName[];

/** Every combination of facts there is: whatever evidence comes, it is one of these. */
export function* everyCase(): Iterable<Facts> {
  const indexes = names.map(() => 0);
  for (;;) {
    yield Object.fromEntries(names.map((name, at) => [name, factValues[name][indexes[at] ?? 0]])) as unknown as Facts;
    let at = names.length - 1;
    for (; at >= 0; at -= 1) {
      const next = (indexes[at] ?? 0) + 1;
      if (next < factValues[names[at] ?? 'kind'].length) {
        indexes[at] = next;
        break;
      }
      indexes[at] = 0;
    }
    if (at < 0) return;
  }
}

import { describe, expect, it } from 'vitest';
import { leftOut, lineUps, spare } from './line-ups.ts';

/** The searches of less than a hundred and fifty thousand states. `npm run model` does all of them. */
const quick = lineUps.filter(({ isLarge }) => isLarge !== true);

describe('the protocol, driven by the real transition table', () => {
  it.each(quick)('no order of events breaks a stack, and every state can end well: $name', ({ run }) => {
    const { verdict, states } = run();
    expect(verdict).toEqual({ kind: 'holds' });
    // A search that comes to its end at once has shown nothing.
    expect(states).toBeGreaterThan(500);
  });

  it.each(leftOut)('an order of events that breaks a stack is found where rule $number is left out: $name', ({ run }) => {
    expect(run().verdict).toMatchObject({ kind: 'violated' });
  });

  it.each(spare)('nothing breaks without a rule that is there to stop earlier or to tell: $name', ({ run }) => {
    expect(run().verdict).toEqual({ kind: 'holds' });
  });
});

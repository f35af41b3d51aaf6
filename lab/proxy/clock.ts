/** What the proxy takes for the present: session expiry, event times and delivery delays all follow it. */
export type Clock = { now: () => Date };

export const systemClock: Clock = { now: () => new Date() };

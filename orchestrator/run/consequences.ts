/** What a run asks about before it does it, or is told by a flag. */
export const consequences = ['interruption', 'opening', 'deletion'] as const;
export type Consequence = (typeof consequences)[number];

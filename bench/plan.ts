/** What is measured, and in which order. */

export const cases = ['first', 'noop', 'change', 'add'] as const;
export type Case = (typeof cases)[number];

export const contenders = ['plain-loop', 'one-stack', 'holdfast'] as const;
export type Contender = (typeof contenders)[number];

export const caseTitles: Readonly<Record<Case, string>> = {
  first: 'first deploy',
  noop: 'no change',
  change: 'one VPC changed',
  add: 'one VPC added',
};

export const contenderTitles: Readonly<Record<Contender, string>> = {
  'plain-loop': 'plain loop',
  'one-stack': 'one big stack',
  holdfast: 'Holdfast',
};

/** Cases of one network, side by side at one delay. */
export interface Block {
  /** Stacks of the network. */
  readonly size: number;
  /** Of each call of S3 and EC2. */
  readonly delayMs: number;
  readonly cases: readonly Case[];
  readonly rounds: number;
  readonly contenders: readonly Contender[];
  /** Deployed once, by Holdfast alone, to see what a large network costs: the peers would take hours. */
  readonly scale: boolean;
}

/** What one command is measured at. */
export interface Turn {
  readonly case: Case;
  /** From 1. */
  readonly round: number;
  readonly contender: Contender;
}

/** In turn within each case, so that what the machine does meanwhile befalls all; another one begins each time, so that no place is anyone's own. */
export function turnsOf({ cases: asked, rounds, contenders: who, scale }: Block): readonly Turn[] {
  // At scale the deployment is no comparison: it is what the rest needs.
  const inRound = (round: number): readonly Case[] => asked.filter((which) => !scale || which !== 'first' || round === 1);
  return Array.from({ length: rounds }, (_, index) => index + 1).flatMap((round) =>
    inRound(round).flatMap((which, nth) => {
      const first = (round + nth) % who.length;
      return [...who.slice(first), ...who.slice(0, first)].map((contender) => ({ case: which, round, contender }));
    }),
  );
}

/** Each network has one lab: its delays share what was deployed for the first of them. */
export function byNetwork(blocks: readonly Block[]): readonly (readonly [Block, ...Block[]])[] {
  const groups: [Block, ...Block[]][] = [];
  for (const block of blocks) {
    const group = groups.find(([{ size, scale }]) => size === block.size && scale === block.scale);
    if (group) group.push(block);
    else groups.push([block]);
  }
  return groups;
}

/** Whether what was deployed is needed again after something else was done to it. */
export function isDeployedTwice(blocks: readonly Block[]): boolean {
  return blocks.some(({ contenders: who, cases: asked }) => who.length > 1 || asked.includes('change') || asked.includes('add'));
}

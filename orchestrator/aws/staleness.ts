import { resourceTypeOf, resourceTypes } from './resource-types/index.ts';

/** Seconds after an act for which EC2 may show what was before it, where neither the network file nor a type says otherwise. */
const general = 30;

/** @param type Pulumi's token, or AWS's own word for what is tagged @returns seconds */
export type Staleness = (type: string) => number;

/** @param said by the network file: for every type then */
export const stalenessOf =
  (said: number | undefined): Staleness =>
  (type) =>
    said ?? (resourceTypeOf(type) ?? resourceTypes.find(({ taggedAs }) => taggedAs === type))?.staleness ?? general;

import type { Place } from './grouping.ts';
import type { PathSet } from './survey.ts';

/** Places and paths as documents for machines have them: blocks as text. */

const placeJson = (place: Place): object =>
  place.kind === 'addresses' ? { ...place, block: place.block.text, part: place.part?.text ?? null } : place;

export function pathSetJson({ pairs, outside }: PathSet) {
  return {
    pairs: pairs.map(({ from, to, ways }) => ({ from: from.map(placeJson), to: to.map(placeJson), ways })),
    outside: outside.map(({ from, to, by }) => ({ from: from.map(placeJson), to, by: by ?? null })),
  };
}

/** The two ends of a finding that is about places; nothing of another one. */
export function placesJson(finding: object): object {
  const { from, to } = finding as { readonly from?: readonly Place[]; readonly to?: readonly Place[] };
  return from === undefined || to === undefined ? {} : { from: from.map(placeJson), to: to.map(placeJson) };
}

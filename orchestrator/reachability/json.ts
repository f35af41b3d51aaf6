import type { Place } from './grouping.ts';
import type { PathSet } from './survey.ts';

/** Places and paths as documents for machines have them: blocks as text. */

export type PlaceText =
  | Exclude<Place, { readonly kind: 'addresses' }>
  | (Omit<Extract<Place, { readonly kind: 'addresses' }>, 'block' | 'part'> & { readonly block: string; readonly part: string | null });

export interface PathTexts {
  readonly pairs: readonly { readonly from: readonly PlaceText[]; readonly to: readonly PlaceText[]; readonly ways: 'both' | 'one' }[];
  /** `by`: null where it cannot be told. */
  readonly outside: readonly { readonly from: readonly PlaceText[]; readonly to: readonly string[]; readonly by: string | null }[];
}

const placeText = (place: Place): PlaceText =>
  place.kind === 'addresses' ? { ...place, block: place.block.text, part: place.part?.text ?? null } : place;

export function pathTexts({ pairs, outside }: PathSet): PathTexts {
  return {
    pairs: pairs.map(({ from, to, ways }) => ({ from: from.map(placeText), to: to.map(placeText), ways })),
    outside: outside.map(({ from, to, by }) => ({ from: from.map(placeText), to, by: by ?? null })),
  };
}

/** The two ends of a finding that is about places; nothing of another one. */
export function placesJson(finding: object): object {
  const { from, to } = finding as { readonly from?: readonly Place[]; readonly to?: readonly Place[] };
  return from === undefined || to === undefined ? {} : { from: from.map(placeText), to: to.map(placeText) };
}

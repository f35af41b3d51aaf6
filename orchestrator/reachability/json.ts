import type { PathFinding } from './checks.ts';
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

/** A finding of a network file. `line`: in it, from 1; null for what the file does not write. */
export type PathWarning = PathFinding<PlaceText> & { readonly line: number | null };

export function warningOf(finding: PathFinding, line: number | undefined): PathWarning {
  const at = { line: line ?? null };
  return 'from' in finding
    ? { ...finding, from: finding.from.map(placeText), to: finding.to.map(placeText), ...at }
    : { ...finding, ...at };
}

/** IPv4 blocks, as the two numbers that every question about them needs. */
export interface Cidr {
  readonly text: string;
  /** First address as an unsigned 32-bit number. */
  readonly first: number;
  /** Last address, inclusive. */
  readonly last: number;
  readonly prefixLength: number;
}

export type CidrFault = 'malformed' | 'host-bits-set';

/** Strict dotted quad with a prefix length, without leading zeros; `10.0.0.1/16` is refused because AWS would silently keep 10.0.0.0/16. */
export function parseCidr(text: string): Cidr | CidrFault {
  const match = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\/(0|[1-9]\d?)$/.exec(text);
  if (!match) return 'malformed';
  const [a, b, c, d, prefixLength] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some((octet) => octet > 255) || prefixLength > 32) return 'malformed';
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = 2 ** (32 - prefixLength);
  if (first % size !== 0) return 'host-bits-set';
  return { text, first, last: first + size - 1, prefixLength };
}

/** For text that has already passed `parseCidr` (the network's schema does it); throws otherwise. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (typeof parsed === 'string') throw new Error(`${text} is not a CIDR block: ${parsed}`);
  return parsed;
}

export const overlaps = (a: Cidr, b: Cidr): boolean => a.first <= b.last && b.first <= a.last;

export const contains = (outer: Cidr, inner: Cidr): boolean => outer.first <= inner.first && inner.last <= outer.last;

/** The block that holds the address of `text`, with its host bits cleared: what a person most likely meant. */
export function withoutHostBits(text: string): string {
  const [address = '', prefix = '0'] = text.split('/');
  const octets = address.split('.').map(Number);
  const size = 2 ** (32 - Number(prefix));
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const base = Math.floor(value / size) * size;
  return `${dotted(base)}/${prefix}`;
}

/** The same number for the same block, and no other. */
export const blockKey = ({ first, prefixLength }: Cidr): number => first * 64 + prefixLength;

export const isSameBlock = (a: Cidr | undefined, b: Cidr | undefined): boolean =>
  a === undefined || b === undefined ? a === b : blockKey(a) === blockKey(b);

/** The two blocks that a block is made of, as text; none where it is a single address. */
export function halvesOf(text: string): readonly string[] {
  const { first, prefixLength } = cidr(text);
  if (prefixLength === 32) return [];
  const length = prefixLength + 1;
  return [first, first + 2 ** (32 - length)].map((address) => `${dotted(address)}/${length}`);
}

const dotted = (address: number): string => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

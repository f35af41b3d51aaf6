/**
 * `<network>.<kind>` or `<network>.<kind>.<instance>`, as in `example.vpc.shared`. The short name, which people type, is the part after
 * the network. Pulumi allows letters, digits, `-`, `_` and `.`; parts here have no dot, so that a name splits in one way only.
 */
export interface StackName {
  readonly network: string;
  readonly kind: string;
  /** Absent where a network has one stack of the kind. */
  readonly instance?: string;
}

export const partPattern = /^[a-z][a-z0-9-]{0,38}[a-z0-9]$|^[a-z]$/;

export const partRule = 'lower-case letters, digits and hyphens, starting with a letter, at most 40 characters';

export const shortName = (name: StackName): string => (name.instance === undefined ? name.kind : `${name.kind}.${name.instance}`);

export const fullName = (name: StackName): string => `${name.network}.${shortName(name)}`;

/** Undefined where the text is not a full stack name. */
export function parseStackName(text: string): StackName | undefined {
  const parts = text.split('.');
  const [network, kind, instance] = parts;
  if (network === undefined || kind === undefined || parts.length > 3 || !parts.every((part) => partPattern.test(part))) return undefined;
  return instance === undefined ? { network, kind } : { network, kind, instance };
}

/** As a person types it; the full name where it is not one of Holdfast's. */
export function shortOf(stack: string): string {
  const name = parseStackName(stack);
  return name ? shortName(name) : stack;
}

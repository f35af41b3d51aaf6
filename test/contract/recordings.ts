import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** `provider-recordings.json`: what the AWS provider sent and kept for each type, one resource at a time; its own `about` says how. */

const callSchema = z.object({ action: z.string(), params: z.record(z.string(), z.string()) });
const phaseSchema = z.object({ calls: z.array(callSchema) });
const recordingSchema = z.looseObject({
  create: phaseSchema.extend({ attributes: z.looseObject({ id: z.string() }) }),
  update: phaseSchema.optional(),
  import: phaseSchema.extend({ id: z.string() }),
  delete: phaseSchema.optional(),
});

export type RecordedCall = z.infer<typeof callSchema>;
export type Recording = z.infer<typeof recordingSchema>;

/** By the address that the resource had, as in `aws_vpc.x`. */
export function readRecordings(): Record<string, Recording> {
  const file = new URL('provider-recordings.json', import.meta.url);
  return z.object({ resources: z.record(z.string(), recordingSchema) }).parse(JSON.parse(readFileSync(file, 'utf8'))).resources;
}

/** Two calls are equal in this form when they ask the same: ids that AWS gave are `tgw-…`, tags have no order, and the token that no two calls share is left out. */
export interface ComparableCall {
  readonly action: string;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
}

export function comparable({ action, params }: RecordedCall): ComparableCall {
  const tags: string[] = [];
  const rest: [string, string][] = [];
  for (const [name, value] of Object.entries(params)) {
    const tag = /^(.*Tags?(?:\.member)?)\.\d+\.(Key|Value)$/.exec(name);
    if (tag?.[2] === 'Key') tags.push(`${tag[1] ?? ''} ${value}=${params[name.replace(/Key$/, 'Value')] ?? ''}`);
    else if (!tag && name !== 'ClientToken') rest.push([name, formOf(value)]);
  }
  return { action, params: Object.fromEntries(rest), tags: tags.sort() };
}

/** The form of an id: `tgw-rtb-7b7c1278fef3d8ccb_0.0.0.0/0` is `tgw-rtb-…_0.0.0.0/0`. The checksum at the end of `r-<table><checksum>` stays: it is made of the CIDR. */
export const formOf = (text: string): string =>
  text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '…').replaceAll(/\b((?:[a-z]+-)+)[0-9a-f]{17}/g, '$1…');

/** Whether a call changes nothing, by the service's own naming. */
export const isRead = ({ action }: { readonly action: string }): boolean => /^(Describe|Get|List|Search)/.test(action);

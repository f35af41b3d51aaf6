import { command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import type { EarlierStack } from '../state/earlier-stacks.ts';
import { plural } from './describe.ts';

/** What a state bucket is refused for. */

export const missingBucket = (bucket: string): Problem => ({
  reason: 'missing-bucket',
  message: `the state bucket ${bucket} does not exist`,
  next: `Make it: ${command('bootstrap')}`,
});

export const unpreparedBucket = (bucket: string): Problem => ({
  reason: 'not-prepared',
  message: `the state bucket ${bucket} was never prepared for Holdfast`,
  next: `Run \`${command('bootstrap')}\`.`,
});

export const unreachableBucket = (bucket: string, code: string, message: string): Problem => ({
  reason: 'bucket-unreachable',
  message: `the state bucket ${bucket} cannot be read: ${code}: ${message}`,
  next: `Check the session, the network and the region: ${command('preflight')}`,
});

/** As an inventory says it, which asks for no more than these two. */
export const uninventoriedBucket = (bucket: string, name: string | undefined, message: string): Problem => ({
  reason: 'bucket-unreachable',
  message: `the state bucket ${bucket} cannot be read (${name ?? 'unknown'}: ${message})`,
  next: `Allow the session s3:GetObject and s3:ListBucket there, or check the network: ${command('preflight')}`,
});

export const failedBucket = (bucket: string, message: string): Problem => ({
  reason: 'state-unreadable',
  message: `the state bucket ${bucket} failed: ${message}`,
  next: `Check the session and the network (${command('preflight')}), and run the same command again.`,
});

/** @param key an object of the layout before */
export const oldLayout = (key: string): Problem => ({
  reason: 'old-layout',
  message: `The state bucket is of an older Holdfast, which kept no stack records (${key}). This one cannot tell from it who may write which stack, and has touched nothing.`,
  next: 'Finish what is held with the older version, and deploy this network to a bucket of its own with this one.',
});

export const earlierKinds = (stacks: readonly EarlierStack[]): Problem => ({
  reason: 'earlier-kinds',
  message: `${plural(stacks.length, 'stack')} of this network ${stacks.length === 1 ? 'was' : 'were'} deployed by an earlier Holdfast: ${stacks.length === 1 ? 'its state has' : 'their states have'} resources that other stacks own now. Such states are not migrated, and nothing was touched.`,
  lines: stacks.map(({ short, types }) => `${short}: ${types.join(', ')}`),
  next: 'Destroy the network with the Holdfast that deployed it, and deploy it with this one. Or import these resources by hand, with plain pulumi, into the stacks that own them now.',
});

export const noJournal = (message: string): Problem => ({
  reason: 'journal-unavailable',
  message,
  next: `Nothing was started. Check the state bucket: ${command('preflight')}`,
});

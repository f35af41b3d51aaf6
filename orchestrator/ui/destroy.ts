import { addedFlags, asGiven } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import { plural } from './describe.ts';

/** What is about to be deleted, in its order. */
export function describeDoomed(doomed: readonly { readonly short: string; readonly resources: number }[]): string {
  const resources = doomed.reduce((sum, stack) => sum + stack.resources, 0);
  return `This deletes ${plural(resources, 'resource')} in ${plural(doomed.length, 'stack')}, in this order: ${doomed.map(({ short }) => short).join(', ')}`;
}

export const dependentsExist = (dependents: readonly string[]): Problem => ({
  reason: 'dependents-exist',
  message: `${dependents.join(', ')} still stand${dependents.length === 1 ? 's' : ''} on what would be destroyed`,
  next: 'Add --with-dependents, or destroy them first.',
});

export const otherNetwork = (confirmed: string, network: string): Problem => ({
  reason: 'wrong-confirmation',
  message: `${asGiven('confirm', confirmed)} is not the name of this network, which is ${network}`,
  next: 'Check that this is the network that you mean.',
});

export const destroyNotConfirmed = (
  { network, account }: { readonly network: string; readonly account: string },
  target: 'LAB' | 'REAL',
  yes: boolean,
): Problem => ({
  reason: 'nobody-to-ask',
  message:
    target === 'REAL' && yes
      ? `--yes alone does not destroy a network of a real account (${account})`
      : "destroy asks for the network's name, and there is no terminal to ask on",
  next: target === 'REAL' ? `If that is what you want: ${addedFlags('destroy', { confirm: network })}` : 'Add --yes.',
});

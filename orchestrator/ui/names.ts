import { command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import type { Network } from '../network/read-network.ts';
import { pathOf } from '../network/spec.ts';
import type { Part } from '../network/spec.ts';
import type { ProtectedLoss } from '../run/protected.ts';
import type { NameFault } from '../run/renamed.ts';

/** What a network file is refused for, against what is deployed. */

type File = Pick<Network, 'file' | 'lineOf'>;

const placed = ({ file, lineOf }: File, path: readonly (string | number)[], problem: Problem): Problem => {
  const line = lineOf(path);
  return { ...problem, file, ...(line === undefined ? {} : { line }) };
};

const wordOf = { segment: 'segment', vpc: 'VPC', tier: 'tier' } as const;

export function nameFault(fault: NameFault, file: File): Problem {
  return placed(file, fault.path, { reason: fault.kind, ...said(fault) });
}

function said(fault: NameFault): Pick<Problem, 'message' | 'next'> {
  switch (fault.kind) {
    case 'never-was': {
      const word = wordOf[fault.of];
      return {
        message: `${word} "${fault.name}" was "${fault.was}", says the file, and no ${word} was deployed with the name "${fault.was}"`,
        next: `Write the name that it was deployed with, or remove this line if it is new. ${command('status')} lists the stacks.`,
      };
    }
    case 'vpc-renamed': {
      const { name, block, other, otherBlock } = fault;
      return {
        message: `VPC "${name}" (${block}) is not deployed, and VPC "${other}" (${otherBlock}), which has left the file, is deployed with these addresses`,
        next: `If it is the same VPC, add "was: ${other}" to "${name}". If it is another one, take it out of the file, remove the old one (${command('up', { prune: true })}), and add it again.`,
      };
    }
    case 'vpc-overlaps': {
      const { name, block, other, otherBlock } = fault;
      return {
        message: `VPC "${name}" is made with ${block}, and VPC "${other}" (${otherBlock}) has these addresses until the end of the same edit`,
        next: `Make two edits: first give "${other}" its other block and deploy that (${command('up', { allow: 'deletion' })}), then make "${name}".`,
      };
    }
    case 'vpc-unread':
      return {
        message: `VPC "${fault.name}" is not deployed, and which addresses VPC "${fault.other}" has is not known: it has left the file, and its state does not say it`,
        next: `Bring the state of vpc.${fault.other} in order first: ${command('status')} says what is wrong with it.`,
      };
    case 'tier-renamed': {
      const { vpc, name, other, blocks } = fault;
      return {
        message: `tier "${name}" of VPC "${vpc}" is not deployed, and tier "${other}", which has left the file, is deployed with ${blocks.join(', ')}`,
        next: `If it is the same tier, add "was: ${other}" beside its zones. If it is another one: ${twoEdits}`,
      };
    }
    case 'subnet-overlaps': {
      const { vpc, tier, zone, block, other, otherBlock } = fault;
      return {
        message: `subnet ${tier} ${zone} (${block}) of VPC "${vpc}" overlaps ${other} (${otherBlock}), which is deployed and goes in the same edit: AWS makes the new one first, and refuses it`,
        next: twoEdits,
      };
    }
  }
}

const twoEdits = `Make two edits: take the subnets out of the file and deploy that (${command('up', { allow: 'deletion' })}), then add the new ones.`;

const nameOf = (part: Part): string =>
  part.of === 'gateway' ? 'the gateway' : `${{ segments: 'segment', vpcs: 'VPC' }[part.of]} "${part.name}"`;

const unprotect = 'If that is what you want, take "protect: true" out of the file first, in an edit of its own.';

export const planLosesProtected = ({ part, loses }: ProtectedLoss, file: File): Problem =>
  placed(file, [...pathOf(part), 'protect'], {
    reason: 'protected',
    message: `the plan deletes or replaces ${loses.join(', ')}, and the file protects ${nameOf(part)}`,
    next: unprotect,
  });

export const destroysProtected = ({ part, loses }: ProtectedLoss, file: File): Problem =>
  placed(file, [...pathOf(part), 'protect'], {
    reason: 'protected',
    message: `${loses.join(', ')} would be destroyed, and the file protects ${nameOf(part)}`,
    next: unprotect,
  });

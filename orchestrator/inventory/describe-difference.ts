import { resourceTypeOf } from '../aws/resource-types/index.ts';
import type { Difference } from './compare.ts';

const titleOf = (type: string): string => resourceTypeOf(type)?.title ?? type;

const shown = (value: unknown): string => (value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value));

/** One line, for people. */
export function describeDifference(difference: Difference): string {
  switch (difference.kind) {
    case 'missing': {
      const { resource, phase } = difference;
      return `the state has ${resource.name} (${titleOf(resource.type)} ${resource.id ?? ''}), and AWS ${missingWords[phase]}`;
    }
    case 'unrecorded': {
      const { object, resource } = difference;
      return `AWS has ${resource ?? 'something of the stack'} (${titleOf(object.type)} ${object.id}), and the state does not`;
    }
    case 'twice':
      return `AWS has ${difference.resource} (${titleOf(difference.type)}) more than once: ${difference.objects.map(({ id }) => id).join(', ')}`;
    case 'changed':
      return `${difference.resource.name} (${difference.object.id}) differs: ${difference.properties
        .map(({ path, state, live }) => `${path} is ${shown(live)} in AWS and ${shown(state)} in the state`)
        .join(', ')}`;
    case 'foreign':
      return `${difference.inside} has a ${titleOf(difference.object.type)} that is nobody's: ${difference.object.key ?? difference.object.id}`;
    case 'disowned':
      return `${difference.disowned.id} (${titleOf(difference.disowned.type)}) is disowned${difference.object ? '' : ', and gone from AWS'}: ${difference.disowned.reason}`;
    case 'not-compared':
      return `${difference.resource.name} is of a type that AWS cannot be asked for (${difference.resource.type})`;
    default:
      return difference satisfies never;
  }
}

/** What AWS has of what the state has and AWS has not, or not for long. */
export const missingWords = { gone: 'does not', going: 'is deleting it', over: 'could not make it' } as const;

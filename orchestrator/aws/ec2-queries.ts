import type { EC2Client, Filter } from '@aws-sdk/client-ec2';
import { paginateDescribeTags } from '@aws-sdk/client-ec2';

/** EC2's limit for the values of one filter. */
const mostValues = 200;

/** EC2's limit for one page of tags. */
const mostTags = 1000;

export const filter = (Name: string, Values: string[]): Filter => ({ Name, Values });

/** Asks for as many values at a time as one filter takes. */
export async function inParts<T>(values: readonly string[], ask: (part: string[]) => Promise<readonly T[]>): Promise<T[]> {
  const answers: T[] = [];
  for (let from = 0; from < values.length; from += mostValues) answers.push(...(await ask(values.slice(from, from + mostValues))));
  return answers;
}

export async function pages<Page, T>(asked: AsyncIterable<Page>, itemsOf: (page: Page) => readonly T[] | undefined): Promise<T[]> {
  const items: T[] = [];
  for await (const page of asked) items.push(...(itemsOf(page) ?? []));
  return items;
}

export interface TagOfObject {
  readonly id: string;
  /** In EC2's words: `vpc`, `transit-gateway-attachment`. */
  readonly resourceType: string;
  readonly key: string;
  readonly value: string;
}

export function describeTags(client: EC2Client, filters: Filter[]): Promise<TagOfObject[]> {
  return pages(paginateDescribeTags({ client, pageSize: mostTags }, { Filters: filters }), ({ Tags }) =>
    Tags?.flatMap(({ ResourceId, ResourceType, Key, Value }) =>
      ResourceId === undefined ? [] : [{ id: ResourceId, resourceType: ResourceType ?? '', key: Key ?? '', value: Value ?? '' }],
    ),
  );
}

/**
 * The `holdfast:stack` tag of whatever bears one of these stacks' names. By key and by value, and not by `tag:KEY`: of that AWS does not say whether
 * an object's other tags are listed as well. And not by a filter of each describe: those of gateway attachments and route tables do not document one.
 */
export async function tagsOfStacks(client: EC2Client, stacks: readonly string[]): Promise<TagOfObject[]> {
  const found = await inParts(stacks, (part) => describeTags(client, [filter('key', ['holdfast:stack']), filter('value', part)]));
  return found.filter(({ value }) => stacks.includes(value));
}

/** Every tag of these objects. */
export function tagsOfObjects(client: EC2Client, ids: readonly string[]): Promise<TagOfObject[]> {
  return inParts(ids, (part) => describeTags(client, [filter('resource-id', part)]));
}

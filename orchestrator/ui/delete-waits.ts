import { visible } from '../domain/foreign.ts';
import type { Obstacle } from '../aws/in-the-way.ts';
import { formatSeconds } from '../domain/duration.ts';
import { wordOf } from '../recovery/describe.ts';
import type { RunEvent } from '../run/events.ts';
import { shortTime } from '../run/standing.ts';

/** More are counted. */
const mostNamed = 8;

export function describeDeleteWait({
  short,
  resource,
  resourceType,
  id,
  seconds,
  until,
  obstacles,
  unseen,
}: Extract<RunEvent, { type: 'delete-waits' }>): string {
  const more = obstacles.length - mostNamed;
  const named = obstacles.slice(0, mostNamed).map(describeObstacle).join(', ');
  const found = obstacles.length === 0 ? 'Nothing was found in its way.' : `In its way: ${named}${more > 0 ? `, and ${more} more` : ''}.`;
  const missed =
    unseen.length === 0 ? '' : ` These could not be looked at: ${unseen.map(({ action, code }) => `${action} (${code})`).join(', ')}.`;
  return `${short}/${resource}: AWS has not deleted the ${wordOf(resourceType)} ${id} for ${formatSeconds(seconds)}. ${found}${missed} It is tried until ${shortTime(until)}. Remove what is in the way, or end the run with Ctrl-C.`;
}

/** `network-interface eni-0a of 444455556666 ("Lambda")` */
const describeObstacle = ({ kind, id, owner, description }: Obstacle): string =>
  `${kind} ${id}${owner === undefined ? '' : ` of ${owner}`}${description === undefined ? '' : ` ("${visible(description, 100)}")`}`;

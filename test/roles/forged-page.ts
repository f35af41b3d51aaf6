import { script } from '../../orchestrator/domain/command.ts';
import { visible } from '../../orchestrator/domain/forms.ts';
import { tableRow, withPart } from '../../orchestrator/domain/page.ts';
import { lockOf } from '../unit/support/owner.ts';
import { ownedRecord } from '../unit/support/records.ts';
import { following, forgedObjects, stack } from './forged-objects.ts';
import type { Following, ForgedObject, Happened, Otherwise, Sight } from './forged-objects.ts';

/**
 * The page with the table that the scenario `forged-objects` goes by, between its marks.
 * @throws where the page has no such marks
 */
export const withForgedObjects = (page: string): string =>
  withPart(page, { what: 'the table of forged objects', madeBy: script('threat-model') }, tableText());

/** Names that stand for whatever there is. */
const anySight: Sight = {
  record: ownedRecord(stack, 'held'),
  owner: lockOf(stack),
  run: 'RUN',
  nonce: 'NONCE',
  digest: 'DIGEST',
  checkpoint: '',
  upstreamCheckpoint: '',
};

function tableText(): string {
  const rows = new Map<string, { readonly object: ForgedObject; readonly roles: string[] }>();
  for (const object of forgedObjects) {
    const { what, key, happened, role } = object;
    const id = JSON.stringify([what, key(anySight), happened]);
    rows.set(id, { object, roles: [...(rows.get(id)?.roles ?? []), role] });
  }
  return [
    tableRow(['role', 'the object', 'its key', 'what happens']),
    tableRow(['---', '---', '---', '---']),
    ...[...rows.values()].map(({ object: { what, key, happened }, roles }) =>
      tableRow([roles.join(', '), what, `\`${visible(key(anySight))}\``, happenedText(happened)]),
    ),
  ].join('\n');
}

function happenedText(happened: Happened): string {
  if (happened === 'refused') return 'refused by the policy';
  const { because } = happened;
  const deeds = (Object.keys(following) as Following[]).flatMap((name) => {
    const otherwise = happened[name];
    return otherwise === undefined ? [] : [`\`${name}\` ${deedText(otherwise)}`];
  });
  return `${deeds.length === 0 ? 'as without it' : deeds.join(', ')}: ${because}`;
}

const deedText = ({ exitCode, writes }: Otherwise): string =>
  `ends with ${exitCode} and ${writes ? 'writes the state or the record alone' : 'changes nothing'}`;

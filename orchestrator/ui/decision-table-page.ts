import { script } from '../domain/command.ts';
import { tableRow, withPart } from '../domain/page.ts';
import { decisionTable } from '../recovery/decision-table.ts';
import type { Row } from '../recovery/decision-table.ts';
import { factValues } from '../recovery/facts.ts';
import { reasons } from './decision-words.ts';

/**
 * The page with the table of today between its marks.
 * @throws where the page has no such marks
 */
export const withDecisionTable = (page: string): string =>
  withPart(page, { what: 'the decision table', madeBy: script('failure-model') }, tableText());

function tableText(): string {
  const rows = decisionTable.map((row) => [row.row, conditions(row), row.then, reasons[row.row], planText(row)]);
  return [
    ...Object.entries(factValues).map(([name, values]) => `- \`${name}\`: ${values.map((value) => `\`${value}\``).join(', ')}`),
    '',
    tableRow(['row', 'when', 'decision', 'because', 'a plan may then show']),
    tableRow(['---', '---', '---', '---', '---']),
    ...rows.map(tableRow),
  ].join('\n');
}

function conditions({ when }: Row): string {
  const parts = Object.entries(when).map(([name, wanted]) => `${name} ${(typeof wanted === 'string' ? [wanted] : wanted).join(' or ')}`);
  return parts.length === 0 ? 'anything else' : parts.join('; ');
}

/** What is not written needs no plan. */
const planText = ({ then, plan }: Row): string => (['wait', 'ask', 'duplicate'].includes(then) ? '' : (plan?.join(', ') ?? 'anything'));

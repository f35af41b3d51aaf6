import { decisionTable } from './decision-table.ts';
import type { Row } from './decision-table.ts';
import { factValues } from './facts.ts';

const begin = '<!-- the decision table: made by `npm run failure-model`, do not edit -->';
const end = '<!-- end of the decision table -->';

/**
 * The page with the table of today between its marks.
 * @throws where the page has no such marks
 */
export function withDecisionTable(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error('the page has no place for the decision table');
  return `${page.slice(0, from)}${begin}\n\n${tableText()}\n\n${page.slice(to)}`;
}

function tableText(): string {
  const rows = decisionTable.map((row) => [row.row, conditions(row), row.then, row.because, planText(row)]);
  return [
    ...Object.entries(factValues).map(([name, values]) => `- \`${name}\`: ${values.map((value) => `\`${value}\``).join(', ')}`),
    '',
    line(['row', 'when', 'decision', 'because', 'a plan may then show']),
    line(['---', '---', '---', '---', '---']),
    ...rows.map(line),
  ].join('\n');
}

function conditions({ when }: Row): string {
  const parts = Object.entries(when).map(([name, wanted]) => `${name} ${(typeof wanted === 'string' ? [wanted] : wanted).join(' or ')}`);
  return parts.length === 0 ? 'anything else' : parts.join('; ');
}

/** What is not written needs no plan. */
const planText = ({ then, plan }: Row): string => (['wait', 'ask', 'duplicate'].includes(then) ? '' : (plan?.join(', ') ?? 'anything'));

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

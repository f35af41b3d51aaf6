import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { withDecisionTable } from '../../orchestrator/ui/decision-table-page.ts';

describe('docs/failure-model.md', () => {
  it('has the decision table that the code goes by: `npm run failure-model` writes it', async () => {
    const page = await readFile(new URL('../../docs/failure-model.md', import.meta.url), 'utf8');
    expect(withDecisionTable(page)).toBe(page);
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import { withDecisionTable } from '../orchestrator/ui/decision-table-page.ts';

/** `npm run failure-model`: puts the decision table that the code goes by into the page. */
const page = new URL('failure-model.md', import.meta.url);
await writeFile(page, withDecisionTable(await readFile(page, 'utf8')));

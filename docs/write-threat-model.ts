import { readFile, writeFile } from 'node:fs/promises';
import { withForgedObjects } from '../test/roles/forged-page.ts';

/** `npm run threat-model`: puts the table that the scenario `forged-objects` goes by into the page. */
const page = new URL('threat-model.md', import.meta.url);
await writeFile(page, withForgedObjects(await readFile(page, 'utf8')));

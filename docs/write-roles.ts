import { readFile, writeFile } from 'node:fs/promises';
import { withPermissions } from '../orchestrator/ui/permissions-page.ts';

/** `npm run roles:page`: puts the table of permissions that policies are made from into the page. */
const page = new URL('roles.md', import.meta.url);
await writeFile(page, withPermissions(await readFile(page, 'utf8')));

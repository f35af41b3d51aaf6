import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Days after which a runbook that nobody has read again is not to be trusted: the incident's team settled on each quarter. */
export const reviewDays = 90;

/** When `docs/runbook.md` says that it was last gone through, as `2026-01-31`. Undefined where it is not there or says nothing. */
export async function lastReview(root: string): Promise<string | undefined> {
  const text = await readFile(join(root, 'docs', 'runbook.md'), 'utf8').catch(() => '');
  return /^Reviewed: (\d{4}-\d{2}-\d{2})\b/m.exec(text)?.[1];
}

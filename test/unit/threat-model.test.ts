import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { withForgedObjects } from '../roles/forged-page.ts';

describe('docs/threat-model.md', () => {
  it('has the table that the scenario of forged objects goes by: `npm run threat-model` writes it', async () => {
    const page = await readFile(new URL('../../docs/threat-model.md', import.meta.url), 'utf8');
    expect(withForgedObjects(page)).toBe(page);
  });
});

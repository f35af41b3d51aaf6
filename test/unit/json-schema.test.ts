import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { networkJsonSchema } from '../../orchestrator/network/json-schema.ts';

it('the JSON schema that editors use is made from the types as they are now (else: npm run schema)', async () => {
  expect(await readFile(new URL('../../networks/network.schema.json', import.meta.url), 'utf8')).toBe(networkJsonSchema());
});

import { writeFile } from 'node:fs/promises';
import { networkJsonSchema } from '../orchestrator/network/json-schema.ts';

/** `npm run schema`: writes the schema that editors use. A test holds the file to the types. */
await writeFile(new URL('network.schema.json', import.meta.url), networkJsonSchema());

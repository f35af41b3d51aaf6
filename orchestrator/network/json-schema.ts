import { z } from 'zod';
import { networkSchema } from './spec.ts';

/** The JSON schema of a network file, made from the zod types: https://json-schema.org/draft/2020-12 */
export function networkJsonSchema(): string {
  const schema = z.toJSONSchema(networkSchema, { io: 'input', unrepresentable: 'any' });
  return `${JSON.stringify({ title: 'Holdfast network', ...schema }, null, 2)}\n`;
}

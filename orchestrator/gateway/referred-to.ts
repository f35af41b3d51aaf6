import { z } from 'zod';
import { parseJson } from '../state/read-json.ts';
import { holdsSecrets } from '../state/secrets.ts';

const schema = z.looseObject({
  checkpoint: z.looseObject({
    latest: z.looseObject({
      resources: z.array(z.looseObject({ type: z.string(), parent: z.string().optional() })),
      secrets_providers: z.unknown(),
    }),
  }),
});

/**
 * A checkpoint as a StackReference needs it: the stack's own resource, which has the outputs. Where none of these is secret nothing says by what secrets
 * are encrypted either, or each engine that reads it would first derive a key from the passphrase: a million rounds, a third of a second.
 */
export function referredTo(body: string): string {
  const parsed = schema.safeParse(parseJson(body));
  if (!parsed.success) return body;
  const { checkpoint } = parsed.data;
  const { secrets_providers: provider, ...latest } = checkpoint.latest;
  const resources = latest.resources.filter(({ type, parent }) => type === 'pulumi:pulumi:Stack' && (parent ?? '') === '');
  const keys = holdsSecrets(JSON.stringify(resources)) ? { secrets_providers: provider } : {};
  return JSON.stringify({ ...parsed.data, checkpoint: { ...checkpoint, latest: { ...latest, ...keys, resources } } });
}

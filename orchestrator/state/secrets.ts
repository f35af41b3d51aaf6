import { z } from 'zod';
import { exitCodes } from '../domain/exit-codes.ts';
import { Refusal } from '../domain/problem.ts';
import type { Problem } from '../domain/problem.ts';
import { parseKmsUrl } from './kms-url.ts';
import { parseJson } from './read-json.ts';

/**
 * By what the secret values of a stack are encrypted. The engine takes it from the stack's settings, a file that Holdfast does not keep, and where these
 * say nothing it goes over to a passphrase without a word (measured): so it is given anew at every start, out of the checkpoint.
 */

/** What the network file says: `passphrase`, or the URL of a key in KMS, `awskms://alias/state?region=eu-west-1`. */
export type ConfiguredSecrets = string;

export const byPassphrase: ConfiguredSecrets = 'passphrase';

/** What a checkpoint says of the provider that it was written with. */
export interface RecordedSecrets {
  /** As the network file would name it. */
  readonly provider: ConfiguredSecrets;
  /** The stack's own key, encrypted by the key in KMS. */
  readonly encryptedKey?: string;
}

/** A key in KMS, for the settings of a stack. Without `encryptedKey` the engine makes one. */
export interface CloudSecrets {
  readonly url: string;
  readonly encryptedKey?: string;
}

/** https://github.com/pulumi/pulumi sdk/go/common/apitype/core.go, `SecretsProvidersV1` */
const providerSchema = z
  .looseObject({
    type: z.string(),
    state: z.looseObject({ url: z.string().optional(), encryptedkey: z.string().optional() }).nullish(),
  })
  .nullish();

const schema = z.looseObject({
  checkpoint: z.looseObject({ latest: z.looseObject({ secrets_providers: providerSchema }).nullish() }),
});

/** Undefined where it names none: nothing was deployed yet, or it cannot be read. */
export function recordedSecrets(checkpoint: string | undefined): RecordedSecrets | undefined {
  const parsed = schema.safeParse(checkpoint === undefined ? undefined : parseJson(checkpoint));
  return asRecorded(parsed.data?.checkpoint.latest?.secrets_providers);
}

/** The same of that part alone. What is none of the forms that are known is no provider that a network file could name. */
export function recordedSecretsIn(provider: unknown): RecordedSecrets | undefined {
  const parsed = providerSchema.safeParse(provider);
  return parsed.success ? asRecorded(parsed.data) : { provider: 'unreadable' };
}

function asRecorded(named: z.infer<typeof providerSchema>): RecordedSecrets | undefined {
  if (!named) return undefined;
  const { url, encryptedkey } = named.state ?? {};
  if (named.type === 'cloud' && url !== undefined)
    return { provider: url, ...(encryptedkey === undefined ? {} : { encryptedKey: encryptedkey }) };
  return { provider: named.type };
}

/** Of an encrypted value. https://github.com/pulumi/pulumi sdk/go/common/resource/sig/sig.go, `Secret` */
const secretSignature = '1b47061264138c4ac30d75fd1eb44270';

export const holdsSecrets = (checkpoint: string): boolean => checkpoint.includes(secretSignature);

/**
 * The same checkpoint without what its secrets are encrypted by, where it holds none: the engine then asks for no key and no passphrase of the network's. A
 * plan is made of these: it runs the code of a branch, which is to get neither.
 * @returns undefined where it holds a secret, or cannot be read
 */
export function withoutKey(checkpoint: string): string | undefined {
  if (holdsSecrets(checkpoint)) return undefined;
  const parsed = schema.safeParse(parseJson(checkpoint));
  if (!parsed.data?.checkpoint.latest) return undefined;
  const { secrets_providers: _, ...latest } = parsed.data.checkpoint.latest;
  return JSON.stringify({ ...parsed.data, checkpoint: { ...parsed.data.checkpoint, latest } });
}

/** Whether the engine may be led there: a passphrase, or a key in KMS whose URL names no place of its own. To anything else it would send its keys, or the secrets. */
export const isOwnProvider = (provider: ConfiguredSecrets): boolean => provider === byPassphrase || parseKmsUrl(provider) !== undefined;

/**
 * For the engine; undefined where it is a passphrase, which the engine takes by itself. What a checkpoint was written with comes before what the file says.
 * @throws Refusal where the checkpoint names a provider to which no engine is led
 */
export function cloudSecrets(configured: ConfiguredSecrets, checkpoint: string | undefined): CloudSecrets | undefined {
  const recorded = recordedSecrets(checkpoint);
  const { provider, encryptedKey } = recorded ?? { provider: configured };
  if (!isOwnProvider(provider)) throw new Refusal(exitCodes.preflightRefused, foreignProvider(provider));
  if (provider === byPassphrase) return undefined;
  return { url: provider, ...(encryptedKey === undefined ? {} : { encryptedKey }) };
}

const foreignProvider = (provider: ConfiguredSecrets): Problem => ({
  reason: 'foreign-secrets-provider',
  message: `the checkpoint says that its secrets are encrypted by ${JSON.stringify(provider.slice(0, 200))}, which is neither a passphrase nor a plain key in KMS: no engine is started over it`,
  next: 'Find out who wrote that checkpoint. An earlier version of it is in the bucket: docs/bucket.md',
});

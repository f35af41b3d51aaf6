import { looked } from './looked.ts';
import type { Looked } from './looked.ts';
import { nameDenials } from './name-denials.ts';
import type { Session } from './session.ts';
import type { Target } from './target.ts';

/**
 * Whether the session may use a key in KMS as the engine will: encrypts a few bytes, and decrypts them again.
 * @param url as in `awskms://alias/state?region=eu-west-1`
 * @param region where the URL names none
 */
export async function tryKey(url: string, target: Target, region: string, { credentials }: Session): Promise<Looked<unknown>> {
  const { key, region: named, context } = keyOf(url);
  // Loaded here: most networks have no key.
  const { DecryptCommand, EncryptCommand, KMSClient } = await import('@aws-sdk/client-kms');
  const kms = nameDenials(
    new KMSClient({
      region: named ?? region,
      credentials,
      ...(target.kind === 'LAB' ? { endpoint: target.lab.endpoint } : {}),
    }),
  );
  try {
    const encrypted = await looked(
      () => kms.send(new EncryptCommand({ KeyId: key, EncryptionContext: context, Plaintext: Buffer.from('holdfast') })),
      'kms:Encrypt',
    );
    if (!encrypted.ok) return encrypted;
    return await looked(
      () => kms.send(new DecryptCommand({ KeyId: key, EncryptionContext: context, CiphertextBlob: encrypted.value.CiphertextBlob })),
      'kms:Decrypt',
    );
  } finally {
    kms.destroy();
  }
}

/**
 * A URL with an alias, an id, or after a third slash an ARN.
 * @see https://gocloud.dev/howto/secrets/#aws
 */
export function keyOf(url: string): {
  readonly key: string;
  readonly region: string | undefined;
  readonly context: Record<string, string>;
} {
  const [, key = '', text = ''] = /^awskms:\/\/\/?([^?]*)\??(.*)$/.exec(url) ?? [];
  const query = new URLSearchParams(text);
  return {
    key,
    region: query.get('region') ?? undefined,
    context: Object.fromEntries([...query].flatMap(([name, value]) => (name.startsWith('context_') ? [[name.slice(8), value]] : []))),
  };
}

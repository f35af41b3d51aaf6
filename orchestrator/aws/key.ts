import type { KmsKey } from '../state/kms-url.ts';
import { looked } from './looked.ts';
import type { Looked } from './looked.ts';
import { nameDenials } from './name-denials.ts';
import type { Session } from './session.ts';
import { connection } from './state-clients.ts';
import type { Target } from './target.ts';

/**
 * Whether the session may use a key in KMS as the engine will: encrypts a few bytes, and decrypts them again.
 * @param region where the key's URL names none
 */
export async function tryKey(
  { key, region: named, context }: KmsKey,
  target: Target,
  region: string,
  { credentials }: Session,
): Promise<Looked<unknown>> {
  // Loaded here: most networks have no key.
  const { DecryptCommand, EncryptCommand, KMSClient } = await import('@aws-sdk/client-kms');
  const kms = nameDenials(new KMSClient({ ...connection(target, 'kms'), region: named ?? region, credentials }));
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

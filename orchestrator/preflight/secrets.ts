import type { Looked } from '../aws/looked.ts';
import { commandOf, evaluated, inOrder, lineOf, piped } from '../domain/command.ts';
import { byPassphrase, isOwnProvider } from '../state/secrets.ts';
import type { ConfiguredSecrets } from '../state/secrets.ts';
import { fail, notChecked, ok, warn } from './check.ts';
import type { CheckOutcome } from './check.ts';

export type Passphrase =
  | { readonly from: 'variable' | 'nowhere'; readonly empty: boolean }
  | { readonly from: 'file'; readonly file: string; readonly empty: boolean }
  | { readonly from: 'file'; readonly file: string; readonly unreadable: string };

/** What is known of that by which the secret values of the states are encrypted. */
export interface SecretsFacts {
  readonly configured: ConfiguredSecrets;
  readonly passphrase: Passphrase;
  /** Whether the key in KMS encrypts and decrypts for this session; undefined where it is a passphrase. */
  readonly key: Looked<unknown> | undefined;
  /** True: the command opens no secret, as no state holds one and it writes none. */
  readonly unopened?: boolean;
  /** Of each checkpoint: short name, what it was written with, and whether it has a secret value. */
  readonly stacks: readonly { readonly short: string; readonly provider: ConfiguredSecrets | undefined; readonly holdsSecrets: boolean }[];
}

/** An engine that cannot decrypt a state does nothing; one that encrypts by another key than the file says goes on without a word. */
export function checkSecrets({ configured, passphrase, key, unopened, stacks }: SecretsFacts): CheckOutcome {
  const other = stacks.filter(({ provider }) => provider !== undefined && provider !== configured);
  const foreign = stacks.filter(({ provider }) => provider !== undefined && !isOwnProvider(provider));
  if (foreign.length > 0)
    return fail(
      `the network file says ${configured}, and ${foreign.map(({ short, provider = '' }) => `the checkpoint of ${short} ${JSON.stringify(provider.slice(0, 200))}`).join(', ')}: no engine is led there`,
      'Find out who wrote that checkpoint. Plain pulumi would send its keys to where it says: do not run it over this stack. docs/bucket.md tells of earlier versions.',
    );
  const [first] = other;
  if (first)
    return fail(
      `the network file says ${configured}, and ${other.map(({ short, provider }) => `the checkpoint of ${short} ${provider ?? ''}`).join(', ')}`,
      changeOfSecrets(
        configured,
        first.short,
        other.every(({ provider }) => provider === byPassphrase),
      ),
    );
  if (unopened === true) return ok(`${configured}, which a plan does not need: no state holds a secret`);
  const holding = stacks.filter(({ holdsSecrets }) => holdsSecrets).map(({ short }) => short);
  return configured === byPassphrase ? ofPassphrase(passphrase, holding) : ofKey(configured, key);
}

/**
 * To take a stack over the engine first asks what the checkpoint names, wherever that is: a passphrase is at no address, and for anything else the network
 * file has to have named it.
 */
function changeOfSecrets(configured: ConfiguredSecrets, short: string, isPassphrase: boolean): string {
  const takeOver = lineOf(inOrder(evaluated(piped('env', short)), commandOf('pulumi', 'stack', 'change-secrets-provider', configured)));
  if (isPassphrase) return `Correct state.secrets in the network file, or take each stack over: ${takeOver}`;
  return (
    'If the network file was changed: put state.secrets back to what it was, as its history has it, and take each stack over before you change it. ' +
    'If it was not, somebody else wrote the checkpoint: ask nothing of the address in it, and look at its earlier versions.'
  );
}

function ofKey(configured: ConfiguredSecrets, key: SecretsFacts['key']): CheckOutcome {
  if (key === undefined) return notChecked(`${configured} was not tried`);
  if (key.ok) return ok(configured);
  const { code, message, action = 'kms:Encrypt and kms:Decrypt' } = key;
  return fail(
    `${configured} cannot be used: ${code}: ${message}`,
    /AccessDenied/i.test(code)
      ? `Allow the session ${action} on the key, in its role and in the key's policy.`
      : 'Correct state.secrets in the network file (alias or id, and region), or make the key.',
  );
}

function ofPassphrase(passphrase: Passphrase, holding: readonly string[]): CheckOutcome {
  if ('unreadable' in passphrase)
    return fail(
      `the passphrase cannot be read: PULUMI_CONFIG_PASSPHRASE_FILE leads to ${passphrase.file}: ${passphrase.unreadable}`,
      'Correct the path, or set PULUMI_CONFIG_PASSPHRASE.',
    );
  if (!passphrase.empty) return ok(`passphrase, of ${passphrase.from === 'file' ? passphrase.file : 'PULUMI_CONFIG_PASSPHRASE'}`);
  if (holding.length === 0) return ok('an empty passphrase, and no state holds a secret');
  if (passphrase.from === 'nowhere')
    return fail(
      `no passphrase is given, and the state of ${holding.join(', ')} holds secrets`,
      'Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to what they were encrypted with; to the empty text, if it was empty.',
    );
  return warn(
    `the passphrase is empty, and the state of ${holding.join(', ')} holds secrets: whoever can read the bucket can read them`,
    'Use a passphrase or a key in KMS: state.secrets in docs/network.md',
  );
}

import { readFile } from 'node:fs/promises';
import type { Passphrase } from '../preflight/secrets.ts';
import type { Context } from './context.ts';

/** Where the engine will find the passphrase, looked for as the engine does: the variable first, also where it is empty. */
export async function lookAtPassphrase({ env }: Pick<Context, 'env'>): Promise<Passphrase> {
  const { PULUMI_CONFIG_PASSPHRASE: said, PULUMI_CONFIG_PASSPHRASE_FILE: file } = env;
  if (said !== undefined) return { from: 'variable', empty: said === '' };
  if (file === undefined) return { from: 'nowhere', empty: true };
  try {
    return { from: 'file', file, empty: (await readFile(file, 'utf8')).trim() === '' };
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    return { from: 'file', file, unreadable: code === 'ENOENT' ? 'it does not exist' : String(code ?? cause) };
  }
}

/** Pulumi wants one also where the stacks hold no secrets. */
export function passphraseEnvironment({ env }: Pick<Context, 'env'>): Record<string, string> {
  return env['PULUMI_CONFIG_PASSPHRASE'] === undefined && env['PULUMI_CONFIG_PASSPHRASE_FILE'] === undefined
    ? { PULUMI_CONFIG_PASSPHRASE: '' }
    : {};
}

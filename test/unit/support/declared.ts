import type { Trusted } from '../../../orchestrator/state/checkpoint-trust.ts';

/** What the checkpoints of these tests may name. */
export const trusted: Trusted = { account: '111122223333', region: 'eu-west-1', secrets: 'passphrase' };

/** What the program gives the provider of a stack, as a checkpoint has it. */
export const providerInputs = {
  __internal: {},
  allowedAccountIds: JSON.stringify([trusted.account]),
  ignoreTags: JSON.stringify({ keys: ['owner'], keyPrefixes: ['kubernetes.io/'] }),
  region: trusted.region,
  skipCredentialsValidation: 'false',
  skipRegionValidation: 'true',
  version: '7.48.0',
} as const;

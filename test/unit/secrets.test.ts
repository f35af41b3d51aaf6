import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookAtPassphrase, passphraseEnvironment } from '../../orchestrator/cli/passphrase.ts';
import type { SecretsFacts } from '../../orchestrator/preflight/secrets.ts';
import { parseKmsUrl } from '../../orchestrator/state/kms-url.ts';
import { cloudSecrets, holdsSecrets, recordedSecrets, withoutKey } from '../../orchestrator/state/secrets.ts';
import { checkOf } from './support/facts.ts';

const key = 'awskms://alias/state?region=eu-west-1';
const checkpointOf = (latest: object | null): string => JSON.stringify({ version: 3, checkpoint: { stack: 's', latest } });
const byKey = checkpointOf({ secrets_providers: { type: 'cloud', state: { url: key, encryptedkey: 'AQID' } } });
const byWord = checkpointOf({ secrets_providers: { type: 'passphrase', state: { salt: 'v1:x' } } });

describe('what a checkpoint was written with', () => {
  it.each([
    ['a key in KMS', byKey, { provider: key, encryptedKey: 'AQID' }],
    ['a passphrase', byWord, { provider: 'passphrase' }],
    ['another service', checkpointOf({ secrets_providers: { type: 'service', state: { url: 'https://x' } } }), { provider: 'service' }],
    ['nothing yet', checkpointOf({ resources: [] }), undefined],
    ['nothing at all', checkpointOf(null), undefined],
    ['nothing that can be read', '{', undefined],
    ['no checkpoint', undefined, undefined],
  ])('is read: %s', (_, body, recorded) => {
    expect(recordedSecrets(body)).toEqual(recorded);
  });

  it('counts before what the network file says', () => {
    expect(cloudSecrets('passphrase', byKey)).toEqual({ url: key, encryptedKey: 'AQID' });
    expect(cloudSecrets(key, byWord)).toBeUndefined();
  });

  it.each([
    ['the service', { type: 'service', state: { url: 'https://x.example' } }],
    ['a key in KMS behind an endpoint', { type: 'cloud', state: { url: 'awskms://alias/x?endpoint=http://127.0.0.1:9' } }],
    ['another cloud', { type: 'cloud', state: { url: 'hashivault://x' } }],
    ['no URL', { type: 'cloud', state: {} }],
  ])('leads no engine to %s', (_, secrets_providers) => {
    expect(() => cloudSecrets('passphrase', checkpointOf({ secrets_providers }))).toThrow(/no engine is started over it/);
  });

  it('is made as the file says where there is nothing', () => {
    expect(cloudSecrets(key, undefined)).toEqual({ url: key });
    expect(cloudSecrets(key, checkpointOf(null))).toEqual({ url: key });
    expect(cloudSecrets('passphrase', undefined)).toBeUndefined();
  });

  it('has a secret where one of its values is encrypted, and not where one is an asset or a reference', () => {
    const valued = (signature: string) =>
      JSON.stringify({ x: { '4dabf18193072939515e22adb298388d': signature, ciphertext: 'v1:' } }, null, 4);
    expect(holdsSecrets(valued('1b47061264138c4ac30d75fd1eb44270'))).toBe(true);
    expect(holdsSecrets(valued('5cf8f73096256a8f31e491e813e4eb8e'))).toBe(false);
  });
});

describe('a checkpoint for a plan', () => {
  const secret = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', ciphertext: 'v1:' };
  const of = (latest: object): string => checkpointOf({ resources: [{ urn: 'a', outputs: { x: 1 } }], ...latest });

  it.each([
    ['a key', { type: 'cloud', state: { url: key, encryptedkey: 'AQID' } }],
    ['a passphrase', { type: 'passphrase', state: { salt: 'v1:x' } }],
  ])('says nothing of %s where it holds no secret, and everything else', (_, secrets_providers) => {
    expect(JSON.parse(withoutKey(of({ secrets_providers })) ?? '')).toEqual(JSON.parse(of({})));
  });

  it('is left as it is where it holds a secret, or cannot be read', () => {
    const secrets_providers = { type: 'passphrase', state: { salt: 'v1:x' } };
    expect(withoutKey(of({ secrets_providers, resources: [{ outputs: { word: secret } }] }))).toBeUndefined();
    expect(withoutKey('{')).toBeUndefined();
    expect(withoutKey(checkpointOf(null))).toBeUndefined();
  });
});

describe('the URL of a key', () => {
  it.each([
    ['awskms://alias/state?region=eu-west-1', 'alias/state', 'eu-west-1', {}],
    ['awskms://1234abcd-12ab-34cd-56ef-1234567890ab', '1234abcd-12ab-34cd-56ef-1234567890ab', undefined, {}],
    [
      'awskms:///arn:aws:kms:us-east-1:111122223333:key/1234abcd?region=us-east-1&context_for=state',
      'arn:aws:kms:us-east-1:111122223333:key/1234abcd',
      'us-east-1',
      { for: 'state' },
    ],
  ])('%s', (url, id, region, context) => {
    expect(parseKmsUrl(url)).toEqual({ key: id, region, context });
  });

  it('says a context as it was written, with what a URL has to encode', () => {
    expect(parseKmsUrl('awskms://alias/state?context_for=a%20b%3D%C3%BC')?.context).toEqual({ for: 'a b=ü' });
  });

  it.each([
    ['an endpoint', 'awskms://alias/x?endpoint=http://127.0.0.1:9'],
    ['an endpoint after a region', 'awskms://alias/x?region=eu-west-1&endpoint=https://x.example'],
    ['an encoded endpoint', 'awskms://alias/x?%65ndpoint=https://x.example'],
    ['an endpoint behind a semicolon', 'awskms://alias/x?region=eu-west-1;endpoint=https://x.example'],
    ['a profile', 'awskms://alias/x?profile=other'],
    ['a role', 'awskms://alias/x?role=arn:aws:iam::999988887777:role/x'],
    ['two regions', 'awskms://alias/x?region=eu-west-1&region=us-east-1'],
    ['a region that is a host', 'awskms://alias/x?region=x.example/'],
    ['a region that is empty', 'awskms://alias/x?region='],
    ['an empty query', 'awskms://alias/x?'],
    ['a context without a name', 'awskms://alias/x?context_=1'],
    ['a context twice', 'awskms://alias/x?context_a=1&context_a=2'],
    ['a context that is no text', 'awskms://alias/x?context_a=%ff'],
    ['a fragment', 'awskms://alias/x#y'],
    ['a way up', 'awskms://alias/../x'],
    ['a user', 'awskms://me@alias/x'],
    ['a port', 'awskms://alias:1/x'],
    ['an ARN of another service', 'awskms:///arn:aws:s3:eu-west-1:111122223333:key/1'],
    ['a line break', 'awskms://alias/x\n?region=eu-west-1'],
    ['another cloud', 'gcpkms://projects/p'],
    ['nothing', ''],
  ])('with %s is none', (_, url) => {
    expect(parseKmsUrl(url)).toBeUndefined();
  });
});

describe('a passphrase', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-passphrase-'));
    await writeFile(join(folder, 'full'), 'word\n');
    await writeFile(join(folder, 'empty'), '\n');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is looked for as the engine does: the variable comes first, also where it is empty', async () => {
    const file = join(folder, 'full');
    expect(await lookAtPassphrase({ env: { PULUMI_CONFIG_PASSPHRASE: 'x' } })).toEqual({ from: 'variable', empty: false });
    expect(await lookAtPassphrase({ env: { PULUMI_CONFIG_PASSPHRASE: '', PULUMI_CONFIG_PASSPHRASE_FILE: file } })).toEqual({
      from: 'variable',
      empty: true,
    });
    expect(await lookAtPassphrase({ env: { PULUMI_CONFIG_PASSPHRASE_FILE: file } })).toEqual({ from: 'file', file, empty: false });
    expect(await lookAtPassphrase({ env: {} })).toEqual({ from: 'nowhere', empty: true });
  });

  it('in a file that is not there, cannot be read or is empty is told apart', async () => {
    const of = (name: string) => lookAtPassphrase({ env: { PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, name) } });
    expect(await of('gone')).toMatchObject({ unreadable: 'it does not exist' });
    expect(await of('.')).toMatchObject({ unreadable: 'EISDIR' });
    expect(await of('empty')).toMatchObject({ from: 'file', empty: true });
  });

  it('is the empty one for the engine where nobody gives one', () => {
    expect(passphraseEnvironment({ env: {} })).toEqual({ PULUMI_CONFIG_PASSPHRASE: '' });
    expect(passphraseEnvironment({ env: { PULUMI_CONFIG_PASSPHRASE_FILE: 'x' } })).toEqual({});
  });
});

describe('the check of what encrypts secrets', () => {
  const stack = (different: Partial<SecretsFacts['stacks'][number]> = {}) => ({
    short: 'vpc.a',
    provider: undefined,
    holdsSecrets: false,
    ...different,
  });
  const check = (different: Partial<SecretsFacts>) =>
    checkOf('secrets', 'up', {
      secrets: { configured: 'passphrase', passphrase: { from: 'nowhere', empty: true }, key: undefined, stacks: [], ...different },
    });

  it.each<[string, Partial<SecretsFacts>, object]>([
    ['nothing is given and nothing is secret', {}, { outcome: 'ok', message: 'an empty passphrase, and no state holds a secret' }],
    [
      'a passphrase is given',
      { passphrase: { from: 'variable', empty: false } },
      { outcome: 'ok', message: 'passphrase, of PULUMI_CONFIG_PASSPHRASE' },
    ],
    [
      'a file has it',
      { passphrase: { from: 'file', file: '/run/word', empty: false } },
      { outcome: 'ok', message: 'passphrase, of /run/word' },
    ],
    [
      'the file cannot be read',
      { passphrase: { from: 'file', file: '/run/word', unreadable: 'it does not exist' } },
      { outcome: 'fail', exitCode: 3, message: expect.stringContaining('leads to /run/word: it does not exist') as string },
    ],
    [
      'nothing is given, and a state holds secrets',
      { stacks: [stack({ holdsSecrets: true }), stack({ short: 'vpc.b' })] },
      { outcome: 'fail', message: 'no passphrase is given, and the state of vpc.a holds secrets' },
    ],
    [
      'the empty passphrase was meant, and a state holds secrets',
      { passphrase: { from: 'variable', empty: true }, stacks: [stack({ holdsSecrets: true })] },
      { outcome: 'warn', message: expect.stringContaining('whoever can read the bucket can read them') as string },
    ],
    [
      'the key works',
      { configured: key, key: { ok: true, value: {} }, stacks: [stack({ provider: key })] },
      { outcome: 'ok', message: key },
    ],
    [
      'the session may not use the key',
      { configured: key, key: { ok: false, code: 'AccessDeniedException', message: 'no', action: 'kms:Decrypt' } },
      { outcome: 'fail', next: "Allow the session kms:Decrypt on the key, in its role and in the key's policy." },
    ],
    [
      'the key is not there',
      { configured: key, key: { ok: false, code: 'NotFoundException', message: 'no such alias' } },
      { outcome: 'fail', message: `${key} cannot be used: NotFoundException: no such alias` },
    ],
    [
      'a checkpoint leads elsewhere, so that pulumi is not advised over it',
      { stacks: [stack({ provider: 'awskms://alias/x?endpoint=https://x.example' })] },
      {
        outcome: 'fail',
        exitCode: 3,
        message: expect.stringContaining(
          'the checkpoint of vpc.a "awskms://alias/x?endpoint=https://x.example": no engine is led there',
        ) as string,
        next: expect.not.stringContaining('change-secrets-provider') as string,
      },
    ],
    [
      'a plan opens nothing, whatever the key would say',
      { configured: key, key: undefined, unopened: true, stacks: [stack({ provider: key })] },
      { outcome: 'ok', message: `${key}, which a plan does not need: no state holds a secret` },
    ],
    [
      'a plan opens nothing, and the checkpoint has another key than the file',
      { configured: key, key: undefined, unopened: true, stacks: [stack({ provider: 'passphrase' })] },
      { outcome: 'fail' },
    ],
    [
      'a checkpoint has another key than the file',
      { configured: key, key: { ok: true, value: {} }, stacks: [stack(), stack({ short: 'vpc.b', provider: 'passphrase' })] },
      {
        outcome: 'fail',
        exitCode: 3,
        message: `the network file says ${key}, and the checkpoint of vpc.b passphrase`,
        next: expect.stringContaining(`holdfast -- env vpc.b)" && pulumi stack change-secrets-provider '${key}'`) as string,
      },
    ],
  ])('where %s', async (_, facts, result) => {
    expect(await check(facts)).toMatchObject(result);
  });
});

import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { pulumiEnvironment } from '../../orchestrator/cli/commands/env.ts';
import type { EnvironmentFacts } from '../../orchestrator/cli/commands/env.ts';
import { quoted } from '../../orchestrator/domain/quoted.ts';
import type { LabRecord } from '../../orchestrator/domain/lab-record.ts';
import { shellText } from '../../orchestrator/ui/env.ts';
import type { PulumiEnvironment } from '../../orchestrator/ui/env.ts';

const stack = 'prod.vpc.one';

const lab: LabRecord = {
  schema: 1,
  lab: 'l',
  pid: 1,
  endpoint: 'http://127.0.0.1:4000',
  region: 'eu-west-1',
  accountId: '111122223333',
  bucket: 'state',
  stateUrl: 's3://state',
  network: '/n.yaml',
  pluginDirectory: '/plug in',
  startedAt: '2030-01-01T00:00:00Z',
};

const factsWith = (different: Partial<EnvironmentFacts> = {}): EnvironmentFacts => ({
  target: { kind: 'REAL', endpoints: {} },
  network: 'prod',
  account: '999988887777',
  region: 'eu-west-1',
  file: 'networks/prod.yaml',
  backendUrl: 's3://state?region=eu-west-1',
  secrets: 'passphrase',
  installation: 'abcd1234abcd1234',
  sessionSource: 'profile prod',
  standing: undefined,
  ...different,
});

/** Of a shell in which somebody is signed in to AWS. */
const signedIn = {
  PATH: '',
  HOLDFAST_CACHE: '/nonexistent',
  AWS_ACCESS_KEY_ID: 'AKIAREAL',
  AWS_SECRET_ACCESS_KEY: 'real-key',
  AWS_SESSION_TOKEN: 'real-token',
};

const environmentOf = (facts: Partial<EnvironmentFacts> = {}, env: Record<string, string> = signedIn): Promise<PulumiEnvironment> =>
  pulumiEnvironment({ env, root: '/repo', cwd: '/repo' }, stack, factsWith(facts));

/** What a shell has after it has run the text. */
async function inShell(text: string, before: Record<string, string> = {}, evaluate = 'eval "$TEXT"'): Promise<Record<string, string>> {
  const { stdout } = await execa('/bin/sh', ['-eu', '-c', `${evaluate}; /usr/bin/env -0`], {
    env: { ...before, TEXT: text },
    extendEnv: false,
  });
  return Object.fromEntries(
    stdout
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

describe('a word of the shell', () => {
  it.each(['plain', 'a b', "it's", '$(rm -rf /)', '`x`', 'a"b', 'a\\b', '*', '~', "'", '!x', 'ü'])(
    'is read as it was written: %s',
    async (word) => {
      expect((await inShell(`export WORD=${quoted(word)};`))['WORD']).toBe(word);
    },
  );
});

describe('the environment of a stack whose secrets are encrypted by a key in KMS', () => {
  it('keeps plain pulumi from going over to a passphrase', async () => {
    const name = 'PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER';
    expect((await environmentOf({ secrets: 'awskms://alias/state?region=eu-west-1' })).variables[name]).toBe('true');
    expect((await environmentOf()).variables).not.toHaveProperty(name);
  });
});

describe('the environment of a real account', () => {
  it('has no credentials, and says where they come from', async () => {
    const environment = await environmentOf();
    const text = shellText(environment);
    for (const secret of ['AKIAREAL', 'real-key', 'real-token']) expect(text + JSON.stringify(environment)).not.toContain(secret);
    expect(Object.keys(environment.variables).filter((name) => name.startsWith('AWS_'))).toEqual(['AWS_REGION', 'AWS_DEFAULT_REGION']);
    expect(text).toContain('# no credentials are printed: sign in to account 999988887777');
    expect(text).toContain('profile prod');
  });

  it('leaves whoever is signed in signed in', async () => {
    const after = await inShell(shellText(await environmentOf()), { ...signedIn, PULUMI_SKIP_CHECKPOINTS: 'true' });
    expect(after).toMatchObject({
      AWS_SESSION_TOKEN: 'real-token',
      PULUMI_BACKEND_URL: 's3://state?region=eu-west-1',
      PULUMI_STACK: 'organization/holdfast/prod.vpc.one',
      PULUMI_CONFIG_PASSPHRASE: '',
      HOLDFAST_INSTALLATION: 'abcd1234abcd1234',
    });
    expect(after).not.toHaveProperty('PULUMI_SKIP_CHECKPOINTS');
  });

  it('keeps a passphrase that is set', async () => {
    expect((await environmentOf({}, { ...signedIn, PULUMI_CONFIG_PASSPHRASE: 'mine' })).variables).not.toHaveProperty(
      'PULUMI_CONFIG_PASSPHRASE',
    );
    expect((await environmentOf({}, { ...signedIn, PULUMI_CONFIG_PASSPHRASE_FILE: 'f' })).variables).not.toHaveProperty(
      'PULUMI_CONFIG_PASSPHRASE',
    );
  });

  it('says where the programs would read another network file', async () => {
    expect((await environmentOf()).hints.join()).not.toContain('and not');
    expect((await environmentOf({ file: 'elsewhere.yaml' })).hints.join()).toContain(
      'up and preview read /repo/networks/prod.yaml, and not elsewhere.yaml',
    );
  });

  it('says what is missing', async () => {
    const { hints } = await environmentOf({ installation: undefined });
    expect(hints.join('\n')).toMatch(/HOLDFAST_INSTALLATION is not known.*npm run bootstrap/);
    expect(hints.join('\n')).toMatch(/no pulumi is on the PATH.*npm run plan/);
  });
});

describe('the environment of the lab', () => {
  it('takes the place of whatever account one is signed in to', async () => {
    const after = await inShell(shellText(await environmentOf({ target: { kind: 'LAB', lab } })), {
      ...signedIn,
      AWS_PROFILE: 'prod',
      PATH: '/bin',
    });
    expect(after).toMatchObject({
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL: lab.endpoint,
      PATH: '/plug in:/bin',
    });
    for (const name of ['AWS_SESSION_TOKEN', 'AWS_PROFILE']) expect(after).not.toHaveProperty(name);
  });
});

describe('the text', () => {
  it('works where the quotes around $(…) were forgotten', async () => {
    const text = shellText(await environmentOf());
    expect(await inShell(text, {}, 'eval $TEXT')).toMatchObject({
      PULUMI_STACK: 'organization/holdfast/prod.vpc.one',
      AWS_REGION: 'eu-west-1',
    });
  });

  it('warns of a stack that is held, in a comment that ends nowhere early', async () => {
    const { warning, ...rest } = await environmentOf({
      standing: { kind: 'held', why: 'CreateVpc outcome unknown', since: '2030-01-01T14:06:00Z', doubts: [] },
    });
    expect(warning).toMatch(/^HELD vpc\.one: CreateVpc outcome unknown .* Do not cancel\. Next: npm run recover -- vpc\.one$/);
    const text = shellText({ ...rest, warning: 'one\nexport BAD=1;' });
    expect(await inShell(text)).not.toHaveProperty('BAD');
  });

  it.each([
    ['frozen', /^FROZEN: message\. Do not cancel/],
    ['locked', /^LOCKED: message\. Do not cancel/],
  ] as const)('warns of a stack that is %s', async (kind, warning) => {
    expect((await environmentOf({ standing: { kind, message: 'message' } })).warning).toMatch(warning);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@stricli/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSession } from '../../../orchestrator/aws/session.ts';
import { app } from '../../../orchestrator/cli/app.ts';
import type { Context } from '../../../orchestrator/cli/context.ts';
import { labRecordSchema } from '../../../orchestrator/domain/lab-record.ts';
import { parseNetwork } from '../../../orchestrator/network/read-network.ts';
import { cloudSecrets } from '../../../orchestrator/state/secrets.ts';
import { exampleNetwork } from '../../support/networks.ts';

// S8 of the security review, and B18 of the trials: keys of a real account were sent to whatever listened where a variable, a profile, a lab's record or a
// KMS URL led. Each with a listener that is really there.

const account = '444455556666';
/** Of AWS's form, and nobody's. */
const key = 'AKIAIOSFODNN7EXAMPLE';

let folder: string;
let server: Server;
let port: number;
let heard: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-s8-'));
  heard = [];
  server = createServer(({ method = '', url = '', headers }, response) => {
    heard.push(`${method} ${url} ${headers.authorization ?? ''}`);
    response.writeHead(url.startsWith('/_lab') ? 200 : 403).end(JSON.stringify({ lab: 'a-lab' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

/** A command in a shell that has keys of the account. */
async function command(args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ exitCode: unknown; text: string }> {
  const network = join(folder, 'real.yaml');
  await writeFile(network, exampleNetwork.replace('111122223333', account));
  let text = '';
  const output = { write: (said: string) => (text += said) !== '' };
  const shell = {
    HOME: folder,
    HOLDFAST_LAB_DIR: join(folder, 'lab'),
    AWS_ACCESS_KEY_ID: key,
    AWS_SECRET_ACCESS_KEY: 'a-secret',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...env,
  };
  // The SDK has its own look at the environment.
  for (const [name, value] of Object.entries(shell)) vi.stubEnv(name, value);
  const context: Context = {
    process: { stdout: output, stderr: output },
    env: shell,
    cwd: folder,
    root: folder,
    now: Date.now,
    interactive: false,
    ask: () => Promise.reject(new Error('nobody is there')),
  };
  await run(app, [...args, '--network', network], context);
  return { exitCode: context.process.exitCode, text };
}

const commands = [['preflight'], ['locks'], ['status'], ['plan'], ['up', '--yes']];

describe.each(commands)('%s on the network of a real account', (...args) => {
  it('sends nothing to this machine by a variable, in the spelling that was let through (S8)', async () => {
    const { exitCode, text } = await command(args, { AWS_ENDPOINT_URL: `http://[::ffff:127.0.0.1]:${port}` });
    expect([exitCode, heard]).toEqual([3, []]);
    expect(text).toContain('AWS_ENDPOINT_URL leads to ');
  });

  it('sends nothing to this machine by the endpoint_url of a profile (B18)', async () => {
    await writeFile(join(folder, 'config'), `[profile prod]\nendpoint_url = http://127.0.0.1:${port}\n`);
    const { exitCode, text } = await command(args, { AWS_CONFIG_FILE: join(folder, 'config'), AWS_PROFILE: 'prod' });
    expect([exitCode, heard]).toEqual([3, []]);
    expect(text).toContain(`endpoint_url of the AWS profile "prod" leads to http://127.0.0.1:${port}`);
  });

  it('sends nothing to this machine by the services of a profile (B18)', async () => {
    const config = `[default]\nservices = mine\n[services mine]\nsts =\n  endpoint_url = https://localhost:${port}\n`;
    await writeFile(join(folder, 'config'), config);
    const { exitCode, text } = await command(args, { AWS_CONFIG_FILE: join(folder, 'config') });
    expect([exitCode, heard]).toEqual([3, []]);
    expect(text).toContain('sts.endpoint_url of the AWS profile "default" leads to ');
  });
});

describe('a lab', () => {
  const labAt = (endpoint: string) => ({
    schema: 1,
    lab: 'a-lab',
    pid: 1,
    endpoint,
    region: 'eu-west-1',
    accountId: '111122223333',
    bucket: 'state',
    stateUrl: 's3://state',
    network: join(folder, 'lab.yaml'),
    pluginDirectory: '/plugin',
    startedAt: '2030-01-01T00:00:00Z',
  });
  const sessionWith = (env: Readonly<Record<string, string>>) =>
    openSession({
      target: { kind: 'LAB', lab: labRecordSchema.parse(labAt(`http://127.0.0.1:${port}`)) },
      region: 'eu-west-1',
      sessionName: 'holdfast-r1',
      env,
    });

  it("hears nothing of a key of AWS's, not even its id", async () => {
    await sessionWith({ AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: 'a-secret' });
    expect(heard).not.toEqual([]);
    expect(heard.join('\n')).not.toContain(key);
  });

  it("does not get a key of AWS's by being pointed at, either", async () => {
    const env = { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`, AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: 'a-secret' };
    const session = await sessionWith(env);
    expect(session.ok && session.value.credentials.accessKeyId).not.toBe(key);
    expect(heard.join('\n')).not.toContain(key);
  });
});

describe('the URL of a key in KMS', () => {
  const urls = [
    'awskms://alias/x?region=eu-west-1&endpoint=http://127.0.0.1:9',
    'awskms://alias/x?endpoint=https://attacker.example',
    'awskms://alias/x?region=eu-west-1&profile=other',
    'awskms://alias/x?role=arn:aws:iam::999988887777:role/x',
    'awskms://alias/x?anonymous=true',
  ];

  it.each(urls)('leads nowhere by itself, and is refused in the network file: %s', (url) => {
    const text = exampleNetwork.replace('segments:', `state: { secrets: "${url}" }\nsegments:`);
    expect(parseNetwork('n.yaml', text)).toMatchObject({ ok: false, problems: [{ reason: 'invalid-value' }] });
  });

  it.each(urls)('leads no engine anywhere out of a checkpoint: %s', (url) => {
    const latest = { secrets_providers: { type: 'cloud', state: { url, encryptedkey: 'AQID' } } };
    const checkpoint = JSON.stringify({ version: 3, checkpoint: { stack: 's', latest } });
    expect(() => cloudSecrets('passphrase', checkpoint)).toThrow(/no engine is started over it/);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../toolchain/cache-folder.ts';
import { argumentPlaces, bucketPlaces, environmentOf, folderPlaces, search, spellingsOf, textPlace } from '../support/canaries.ts';
import type { Place } from '../support/canaries.ts';
import { runHere } from '../support/in-process.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult, RunningCommand } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { engineBelow } from '../support/processes.ts';
import { nightly, tier } from '../support/tier.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const spool = join(root, '.holdfast', 'spool', 'canary');
const engineHome = join(cacheFolder(process.env), 'pulumi-home');

const network = `${quickly}${smallNetwork.replace('network: small', 'network: canary')}guardrails:
  webhook: { urlFrom: HOLDFAST_WEBHOOK_URL }
`;

/** One VPC more, so that there is something to interrupt. */
const grown = network.replace(
  'guardrails:',
  `  two:
    segment: main
    cidr: 10.2.0.0/16
    subnets:
      private: { a: 10.2.0.0/24 }
    attachment: private
guardrails:`,
);

describe('what a run is trusted with', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let temporary: string;
  let trusted: string;
  let webhook: Server;
  const posted: string[] = [];
  /** By name; the session's are known once there is one. */
  const secrets: Record<string, string> = {
    passphrase: 'canary "passphrase" \\ of+the/net=work ä',
    'web identity token': `eyJhbGciOiJub25lIn0.${Buffer.from('{"sub":"canary"}').toString('base64url')}.c2lnbmF0dXJl-canary`,
    'webhook address': '',
  };
  const seen: Place[] = [];

  beforeAll(async () => {
    rig = await LabRig.start(network);
    temporary = join(rig.folder, 'temporary');
    await mkdir(temporary);
    // Not below what is searched: here the secrets are meant to be.
    trusted = await mkdtemp(join(tmpdir(), 'holdfast-trusted-'));
    await writeFile(join(trusted, 'token'), secrets['web identity token'] ?? '');
    webhook = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        posted.push(body);
        response.end('ok');
      });
    }).listen(0, '127.0.0.1');
    await once(webhook, 'listening');
    secrets['webhook address'] =
      `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/services/T0CANARY/B0CANARY/canary%20of+the?hook=1`;
  });
  afterAll(async () => {
    webhook.close();
    await rig.stop();
    await Promise.all([trusted, spool].map((folder) => rm(folder, { recursive: true, force: true })));
  });

  const given = (): Record<string, string> => ({
    TMPDIR: temporary,
    PULUMI_CONFIG_PASSPHRASE: secrets['passphrase'] ?? '',
    HOLDFAST_WEBHOOK_URL: secrets['webhook address'] ?? '',
  });
  const byWebIdentity = (): Record<string, string> => ({
    ...given(),
    AWS_ENDPOINT_URL: rig.record.endpoint,
    AWS_ROLE_ARN: `arn:aws:iam::${rig.record.accountId}:role/deployer`,
    AWS_WEB_IDENTITY_TOKEN_FILE: join(trusted, 'token'),
  });
  const bySession = async (): Promise<Record<string, string>> => {
    const session = await rig.session(7200);
    const name = `session ${Object.keys(secrets).length}`;
    secrets[`secret access key of ${name}`] = session['AWS_SECRET_ACCESS_KEY'] ?? '';
    secrets[`session token of ${name}`] = session['AWS_SESSION_TOKEN'] ?? '';
    return { ...given(), ...session };
  };

  async function printed(args: readonly string[], run: RunningCommand): Promise<CommandResult> {
    const result = await run.ended;
    seen.push(textPlace(`stdout of ${args.join(' ')}`, result.stdout), textPlace(`stderr of ${args.join(' ')}`, result.stderr));
    return result;
  }
  const holdfast = async (args: readonly string[], env: Record<string, string>): Promise<CommandResult> =>
    printed(args, rig.run(args, env));

  /** What there is while the engine and its plugin are at work; it is gone when they are. */
  async function sample(when: string): Promise<void> {
    seen.push(
      ...(await argumentPlaces(when)),
      ...(await folderPlaces(`temporary file ${when}`, temporary)),
      // The engine's working directory is there while it runs.
      ...(await folderPlaces(`the engine's home ${when}`, engineHome)),
    );
  }

  it('reaches the engine, and is nowhere else while it works', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const args = ['up', '--yes', '--verbose'];
    const run = rig.run(args, byWebIdentity());
    await rig.heldCall(run);
    const { cli, plugin } = await engineBelow(run.child.pid ?? 0);
    for (const pid of [cli, plugin]) {
      const environment = await environmentOf(pid);
      // The search is for what was really in use.
      expect(environment['PULUMI_CONFIG_PASSPHRASE']).toBe(secrets['passphrase']);
      secrets['secret access key of the role'] = environment['AWS_SECRET_ACCESS_KEY'] ?? '';
      secrets['session token of the role'] = environment['AWS_SESSION_TOKEN'] ?? '';
      expect(environment).not.toHaveProperty('HOLDFAST_WEBHOOK_URL');
      expect(environment).not.toHaveProperty('AWS_WEB_IDENTITY_TOKEN_FILE');
    }
    await sample('in an up');
    expect(seen.some(({ bytes }) => bytes.includes('pulumi-resource-aws'))).toBe(true);
    await rig.clearFaults();
    expect((await printed(args, run)).exitCode).toBe(0);
    expect(search(seen, secrets)).toEqual([]);
  });

  it('is not in what an interrupted run prints, spools and holds', async () => {
    await rig.writeNetwork(grown);
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const args = ['up', '--yes', '--json', '--verbose', '--no-settle', '--bucket-patience', '3s'];
    const run = rig.run(args, await bySession());
    const { held } = await rig.heldCall(run);
    await sample('in an interrupted up');
    await rig.fault({ match: { service: 's3', mutating: true }, do: { kind: 'refuse', code: 'ServiceUnavailable', status: 503 } });
    await rig.release(held[0]?.n ?? 0);
    expect((await printed(args, run)).exitCode).toBe(4);
    await rig.clearFaults();
    const spooled = await folderPlaces('spool', spool);
    expect(spooled.length).toBeGreaterThan(0);
    seen.push(...spooled);
    expect(search(seen, secrets)).toEqual([]);
  });

  nightly('is not in what the commands of whoever is on call print', async () => {
    const env = await bySession();
    const { PATH = '', HOME = '' } = process.env;
    for (const args of [
      ['status', '--verbose'],
      ['status', '--json'],
      ['locks', '--json'],
      ['runs', '--json'],
      ['preflight', '--verbose'],
      ['preflight', '--json'],
      ['bootstrap', '--check', '--json'],
      ['inventory', '--diff', '--json'],
      ['env', 'vpc.one'],
      ['env', 'vpc.one', '--json'],
      ['freeze', 'vpc.one', '--incident', 'INC-1', '--json'],
      ['unfreeze', 'vpc.one', '--incident', 'INC-1', '--json'],
    ]) {
      // They start no engine.
      const { stdout, stderr } = await runHere(rig, args, { PATH, HOME, ...env });
      expect(stdout + stderr).not.toBe('');
      seen.push(textPlace(`stdout of ${args.join(' ')}`, stdout), textPlace(`stderr of ${args.join(' ')}`, stderr));
    }
    await holdfast(['plan', '--json', '--verbose'], env);
    await rig.fault({ match: { service: 'ec2', action: 'DescribeVpcs', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const args = ['recover', '--yes', '--json', '--verbose', '--incident', 'INC-1'];
    const run = rig.run(args, env);
    await rig.heldCall(run);
    await sample('in a recovery');
    await rig.clearFaults();
    expect((await printed(args, run)).exitCode).toBe(0);
    expect((await holdfast(['up', '--yes', '--json', '--verbose'], env)).exitCode).toBe(0);
    // A session that is refused is told of in AWS's own words.
    await rig.revoke(env['AWS_ACCESS_KEY_ID'] ?? '');
    expect((await holdfast(['up', '--yes', '--verbose'], env)).exitCode).toBe(3);
    expect(search(seen, secrets)).toEqual([]);
  });

  it('is in no version of any object of the bucket, in no file and in no message', async () => {
    const bucket = await bucketPlaces(rig.s3, rig.record.bucket);
    // A search of what is not there finds nothing.
    for (const kind of ['stacks', 'history', 'locks'])
      expect(bucket.some(({ name }) => name.startsWith(`bucket .pulumi/${kind}/`))).toBe(true);
    const kinds = ['runs', 'stacks', 'networks', 'heartbeats', ...(tier === 'all' ? ['quarantine', 'dossiers'] : [])];
    for (const kind of kinds) expect(bucket.some(({ name }) => name.startsWith(`bucket .holdfast/${kind}/`))).toBe(true);
    const places = [
      ...seen,
      ...bucket,
      ...(await folderPlaces('spool', spool)),
      ...(await folderPlaces('temporary file', temporary)),
      ...(await folderPlaces('file', join(rig.folder, '.holdfast'))),
      ...(await folderPlaces("the engine's home", engineHome)),
    ];
    expect(search(places, secrets)).toEqual([]);
    // The address is in the request itself; what is told there is not to name it.
    expect(
      search(
        posted.map((body, n) => textPlace(`message ${n}`, body)),
        secrets,
      ),
    ).toEqual([]);
  });

  it('would be found in each of these places, in each spelling', async () => {
    for (const [name, secret] of Object.entries(secrets)) {
      for (const [spelling, forms] of spellingsOf(secret)) {
        const [form = ''] = forms;
        const text = `before ${secret} after`;
        const bytes = spelling.startsWith('base64')
          ? Buffer.from(Buffer.from(text).toString(spelling as 'base64' | 'base64url'))
          : spelling === 'UTF-16'
            ? Buffer.from(text, 'utf16le')
            : Buffer.from(`before ${form} after`);
        expect(search([{ name: 'planted', bytes }], { [name]: secret }), `${name} as ${spelling}`).toContainEqual(
          expect.objectContaining({ secret: name, spelling }),
        );
      }
    }
    const passphrase = secrets['passphrase'] ?? '';
    const found = (places: readonly Place[]): string[] => [...new Set(search(places, secrets).map(({ place }) => place))];

    // In a version that is no longer the newest one.
    const Bucket = rig.record.bucket;
    for (const Body of [`x${passphrase}`, 'nothing'])
      await rig.s3.send(new PutObjectCommand({ Bucket, Key: '.holdfast/runs/canary/planted.json', Body }));
    await rig.s3.send(new PutObjectCommand({ Bucket, Key: 'planted', Body: 'x', Metadata: { planted: encodeURIComponent(passphrase) } }));
    expect(found(await bucketPlaces(rig.s3, Bucket))).toEqual([
      expect.stringMatching(/^bucket \.holdfast\/runs\/canary\/planted\.json/),
      expect.stringMatching(/^bucket planted /),
    ]);

    for (const folder of [spool, join(temporary, 'deep', 'er')]) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'planted'), Buffer.from(`1${passphrase}2`).toString('base64'));
    }
    expect(found(await folderPlaces('spool', spool))).toHaveLength(1);
    expect(found(await folderPlaces('temporary file', temporary))).toHaveLength(1);

    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()', '--', passphrase], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    expect(found(await argumentPlaces('now'))).toEqual([`arguments of process ${child.pid ?? 0} now`]);
    child.stdin.end();
    await once(child, 'exit');

    expect(found([textPlace('stdout of it', JSON.stringify({ text: JSON.stringify(passphrase) }))])).toEqual(['stdout of it']);
  });
});

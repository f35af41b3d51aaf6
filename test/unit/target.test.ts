import { describe, expect, it } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labRecordFile, resolveTarget, runningLab } from '../../orchestrator/aws/target.ts';
import type { LabRecord } from '../../orchestrator/domain/lab-record.ts';
import { labAccountId } from '../../orchestrator/domain/lab-record.ts';
import { problemOf, valueOf } from './support/results.ts';

const labAt = (endpoint: string): LabRecord => ({
  schema: 1,
  lab: 'this-lab',
  pid: 1,
  endpoint,
  region: 'eu-west-1',
  accountId: labAccountId,
  bucket: 'holdfast-state',
  stateUrl: 's3://holdfast-state',
  network: 'networks/example.yaml',
  pluginDirectory: '/plugin',
  startedAt: '2030-01-01T00:00:00.000Z',
});
const lab = labAt('http://127.0.0.1:4566');
const realAccount = '444455556666';

describe("the lab's account", () => {
  it('is the lab that runs', () => {
    expect(valueOf(resolveTarget(labAccountId, lab, {}))).toEqual({ kind: 'LAB', lab });
  });

  it('is refused where no lab runs, and never sent to AWS', () => {
    expect(problemOf(resolveTarget(labAccountId, undefined, {}))).toMatchObject({
      reason: 'lab-not-running',
      message: 'account 111122223333 is the lab, and the lab is not running',
      next: expect.stringContaining('npm run lab -- start') as string,
    });
  });
});

describe('a real account', () => {
  it.each([
    ['no lab runs', undefined],
    ['a lab runs', lab],
  ])('is AWS where %s', (_, running) => {
    expect(valueOf(resolveTarget(realAccount, running, {}))).toEqual({ kind: 'REAL' });
  });

  it.each([
    ['AWS_ENDPOINT_URL', 'http://127.0.0.1:4566'],
    ['AWS_ENDPOINT_URL', 'http://localhost:4566/'],
    ['AWS_ENDPOINT_URL', 'http://lab.localhost:4566'],
    ['AWS_ENDPOINT_URL', 'http://127.1:4566'],
    ['AWS_ENDPOINT_URL', 'http://[::1]:4566'],
    ['AWS_ENDPOINT_URL', 'http://0.0.0.0:4566'],
    ['AWS_ENDPOINT_URL_EC2', 'https://127.0.0.1'],
    ['AWS_ENDPOINT_URL_S3', 'http://LOCALHOST:9000'],
  ])('is refused where %s is %s', (name, url) => {
    expect(problemOf(resolveTarget(realAccount, lab, { [name]: url }))).toMatchObject({
      reason: 'real-account-on-loopback',
      message: `the network's account ${realAccount} is a real one, but ${name} leads to ${url} on this machine`,
      next: expect.stringContaining(`Unset ${name}`) as string,
    });
  });

  it.each([
    'https://ec2.eu-west-1.amazonaws.com',
    'https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com',
    'https://localhost.example.com',
    '',
    'not a url',
    undefined,
  ])('may have the endpoint %j', (url) => {
    expect(resolveTarget(realAccount, undefined, { AWS_ENDPOINT_URL: url })).toMatchObject({ ok: true });
  });
});

describe('the record of a lab', () => {
  /** A folder with a record of a lab at an endpoint that answers as `answering` does. */
  async function found(answering: unknown, record?: string): Promise<LabRecord | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-unit-'));
    const server = createServer((_, response) => response.end(JSON.stringify(answering)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await writeFile(labRecordFile(folder), record ?? JSON.stringify(labAt(endpoint)));
      return await runningLab(folder);
    } finally {
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    }
  }

  it('is the lab that answers with its own name', async () => {
    expect(await found({ lab: 'this-lab' })).toMatchObject({ lab: 'this-lab' });
  });

  it.each([{ lab: 'another-lab' }, {}, 'hello'])('is not what answers %j on a port that was its own', async (answering) => {
    expect(await found(answering)).toBeUndefined();
  });

  it.each(['', '{', '{"schema":2}'])('is none where the file is %j', async (record) => {
    expect(await found({ lab: 'this-lab' }, record)).toBeUndefined();
  });

  it('is none where the folder is not there', async () => {
    expect(await runningLab(join(tmpdir(), 'holdfast-no-such-folder'))).toBeUndefined();
  });
});

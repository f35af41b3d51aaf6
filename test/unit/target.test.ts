import { describe, expect, it } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labRecordFile, resolveTarget, runningLab } from '../../orchestrator/aws/target.ts';
import type { LabRecord } from '../../orchestrator/domain/lab-record.ts';
import { labAccountId, labRecordSchema } from '../../orchestrator/domain/lab-record.ts';
import { noTarget } from '../../orchestrator/ui/target.ts';
import { exampleOf } from './support/example.ts';

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

const place = (account: string) => ({ account, region: 'eu-west-1' });
/** Of a machine without profiles. */
const bare = { HOME: '/nonexistent' };

describe("the lab's account", () => {
  it('is the lab that runs', async () => {
    expect(await resolveTarget(place(labAccountId), lab, {})).toEqual({ ok: true, value: { kind: 'LAB', lab } });
  });

  it('is refused where no lab runs, and never sent to AWS', async () => {
    const refused = await resolveTarget(place(labAccountId), undefined, {});
    expect(refused).toEqual({ ok: false, problems: [{ code: 'lab-not-running' }] });
    expect(noTarget({ code: 'lab-not-running' }, exampleOf())).toMatchObject({
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
  ])('is AWS where %s', async (_, running) => {
    expect(await resolveTarget(place(realAccount), running, bare)).toEqual({ ok: true, value: { kind: 'REAL', endpoints: {} } });
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

  it.each([
    'http://localhost:4566',
    'http://lab.example:4566',
    'http://10.0.0.1:4566',
    'http://127.0.0.2:4566',
    'http://0.0.0.0:4566',
    'http://[::ffff:127.0.0.1]:4566',
    'http://127.0.0.1:4566@lab.example',
    'http://127.0.0.1:4566/x',
    'http://127.0.0.1',
    'https://127.0.0.1:4566',
  ])('is none where it names %s: a lab is a literal loopback address', (endpoint) => {
    expect(labRecordSchema.safeParse(labAt(endpoint)).success).toBe(false);
  });

  it.each(['http://127.0.0.1:4566', 'http://[::1]:4566'])('may name %s', (endpoint) => {
    expect(labRecordSchema.safeParse(labAt(endpoint)).success).toBe(true);
  });

  it('is none, and is not asked, where it names this machine by a name', async () => {
    const asked: string[] = [];
    const server = createServer(({ url = '' }, response) => {
      asked.push(url);
      response.end(JSON.stringify({ lab: 'this-lab' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-unit-'));
    await writeFile(labRecordFile(folder), JSON.stringify(labAt(`http://localhost:${(server.address() as AddressInfo).port}`)));
    expect([await runningLab(folder), asked]).toEqual([undefined, []]);
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('is none where the folder is not there', async () => {
    expect(await runningLab(join(tmpdir(), 'holdfast-no-such-folder'))).toBeUndefined();
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlSocketsOf, listenForStop, tellToStop } from '../../../lab/control-socket.ts';
import { stopLab } from '../../../lab/lab.ts';
import { labRecordFile } from '../../../orchestrator/aws/target.ts';
import { labAccountId } from '../../../orchestrator/domain/lab-record.ts';
import type { LabRecord } from '../../../orchestrator/domain/lab-record.ts';

/** S13: of a folder only the last 18 bytes were in the name of the control socket: two checkouts whose paths end alike had one. */
let home: string;
let ended: string[];
const servers: Server[] = [];
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hf-'));
  ended = [];
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(home, { recursive: true, force: true });
});

/** The folder of a lab whose process listens. Its own end of a connection stays open, as a process's does that takes its time to end. */
async function labIn(checkout: string, lab: string): Promise<string> {
  const folder = join(home, checkout, 'holdfast/.holdfast/lab');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [socket = ''] = controlSocketsOf(folder, join(home, 'cache'));
  servers.push(await listenForStop(socket, lab, () => ended.push(lab)));
  await writeRecord(folder, lab, socket);
  return folder;
}

async function writeRecord(folder: string, lab: string, socket: string): Promise<void> {
  const record: LabRecord = {
    schema: 1,
    lab,
    pid: 1,
    endpoint: 'http://127.0.0.1:1',
    region: 'eu-west-1',
    accountId: labAccountId,
    bucket: 'holdfast-state',
    stateUrl: 's3://holdfast-state',
    network: 'networks/example.yaml',
    pluginDirectory: '/plugin',
    startedAt: '2030-01-01T00:00:00.000Z',
    control: { socket, token: 't' },
  };
  await writeFile(labRecordFile(folder), JSON.stringify(record), { mode: 0o600 });
}

describe('`lab stop`', () => {
  it('in one checkout does not end the lab of another one whose path ends alike', async () => {
    await labIn('one', 'lab-of-one');
    const two = join(home, 'two/holdfast/.holdfast/lab');
    expect(await stopLab(two)).toEqual({ ok: true, value: false });
    expect(ended).toEqual([]);
  });

  it('is refused by a lab that is not the one of the record, and says so', async () => {
    const one = await labIn('one', 'lab-of-one');
    const [socket = ''] = controlSocketsOf(one, join(home, 'cache'));
    await writeRecord(one, 'an-earlier-lab', socket);
    expect(await stopLab(one)).toMatchObject({
      ok: false,
      problems: [{ reason: 'another-lab', message: expect.stringContaining('it was left alone') as string }],
    });
    expect(ended).toEqual([]);
  });

  it('says that none ran where the record is of a lab that is gone', async () => {
    const folder = join(home, 'gone');
    await mkdir(folder, { mode: 0o700 });
    await writeRecord(folder, 'gone', join(folder, 'control.sock'));
    expect(await stopLab(folder)).toEqual({ ok: true, value: false });
  });
});

describe('the control socket', () => {
  it('is in the own folder of the lab', () => {
    expect(controlSocketsOf('/home/ada/holdfast/.holdfast/lab', '/home/ada/.cache/holdfast')[0]).toBe(
      '/home/ada/holdfast/.holdfast/lab/control.sock',
    );
  });

  it('of a folder that is too deep for its name is in the cache, under another name for each folder', () => {
    const deep = (checkout: string): string => `/home/ada/${checkout}/${'deep/'.repeat(20)}holdfast/.holdfast/lab`;
    const sockets = ['one', 'two'].map((checkout) => controlSocketsOf(deep(checkout), '/home/ada/.cache/holdfast'));
    expect(sockets).toEqual([
      [expect.stringMatching(/^\/home\/ada\/\.cache\/holdfast\/labs\/[\w-]{22}\.sock$/)],
      [expect.stringMatching(/^\/home\/ada\/\.cache\/holdfast\/labs\/[\w-]{22}\.sock$/)],
    ]);
    expect(sockets[0]).not.toEqual(sockets[1]);
  });

  it('of a folder that is too deep, with a cache that is too deep, has no place', () => {
    const deep = '/deep'.repeat(30);
    expect(controlSocketsOf(deep, deep)).toEqual([]);
  });

  it('takes the order in pieces, and only the whole one', async () => {
    const socket = join(home, 'a.sock');
    servers.push(await listenForStop(socket, 'lab-1', () => ended.push('lab-1')));
    expect(await tellToStop(socket, 'lab-')).toBe('another');
    expect(await tellToStop(socket, 'lab-11')).toBe('another');
    expect(ended).toEqual([]);
  });
});

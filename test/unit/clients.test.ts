import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineCredentials, openClients } from '../../orchestrator/aws/clients.ts';
import type { Session } from '../../orchestrator/aws/session.ts';
import type { Target } from '../../orchestrator/aws/target.ts';
import { labRecordSchema } from '../../orchestrator/domain/lab-record.ts';

const sessionOf = (accessKeyId: string, expiry: Date): Session => ({
  source: 'a test',
  credentials: { accessKeyId, secretAccessKey: 'secret', sessionToken: `token-of-${accessKeyId}` },
  expiry,
  renew: undefined,
});

describe('the clients of a session that was renewed', () => {
  let server: Server;
  let target: Target;
  const signedBy: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      signedBy.push(/Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '');
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    target = {
      kind: 'LAB',
      lab: labRecordSchema.parse({
        schema: 1,
        lab: 'a-test',
        pid: 1,
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        region: 'eu-west-1',
        accountId: '111122223333',
        bucket: 'state',
        stateUrl: 's3://state',
        network: '/networks/example.yaml',
        pluginDirectory: '/plugin',
        startedAt: '2030-01-01T00:00:00Z',
      }),
    };
  });
  afterAll(() => server.close());

  it('sign with the new one before the old one ends', async () => {
    // Nearer to its end than the SDK lets a session come.
    let current = sessionOf('ASIAOLD', new Date(Date.now() + 240_000));
    const clients = openClients(target, 'eu-west-1', () => current);
    const ask = () => clients.s3.send(new HeadBucketCommand({ Bucket: 'state' }));
    await ask();
    current = sessionOf('ASIANEW', new Date(Date.now() + 7_200_000));
    await ask();
    clients.destroy();
    expect(signedBy).toEqual(['ASIAOLD', 'ASIANEW']);
  });

  it('and an engine that starts then gets the new one', () => {
    expect(engineCredentials(target, 'eu-west-1', sessionOf('ASIANEW', new Date()))).toMatchObject({
      AWS_ACCESS_KEY_ID: 'ASIANEW',
      AWS_SESSION_TOKEN: 'token-of-ASIANEW',
    });
  });
});

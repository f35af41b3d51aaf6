import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { onTestFinished } from 'vitest';
import type { Call } from '../../lab/proxy/calls.ts';
import type { FaultOrder } from '../../lab/proxy/faults.ts';
import type { HeldCall } from '../../lab/proxy/held-calls.ts';
import { startProxy } from '../../lab/proxy/proxy.ts';

export const accountId = '123456789012';
export const region = 'eu-central-1';

/** When the tests take place. */
export const noon = new Date('2030-05-01T12:00:00.000Z');

export const later = (from: Date, seconds: number): Date => new Date(from.getTime() + seconds * 1000);

type Seen = { method: string; url: string; headers: IncomingHttpHeaders; body: Buffer; action: string };
type StubReply = { status?: number; headers?: Record<string, string>; body?: string } | 'break-off';

const listen = (server: ReturnType<typeof createServer>): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

/** A stand-in for the emulator: it keeps what it saw, and answers what `reply` says. */
const startStub = async (reply: (seen: Seen) => StubReply | Promise<StubReply>): Promise<{ port: number; seen: Seen[] }> => {
  const seen: Seen[] = [];
  const answer = async (request: Seen, respond: (reply: StubReply) => void): Promise<void> => {
    seen.push(request);
    respond(await reply(request));
  };
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      const action = new URLSearchParams(body.toString()).get('Action') ?? '';
      const request = { method: req.method ?? '', url: req.url ?? '', headers: req.headers, body, action };
      void answer(request, (out) => {
        if (out === 'break-off') return void res.destroy();
        res.writeHead(out.status ?? 200, { 'x-amzn-requestid': `request-${seen.length}`, ...out.headers });
        res.end(out.body ?? '');
      });
    });
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port, seen };
};

const ec2 = (action: string, inner: string): string =>
  `<?xml version="1.0"?><${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${inner}</${action}Response>`;

/** The id of the n-th VPC that the stub makes. */
export const vpcId = (n: number): string => `vpc-${n.toString(16).padStart(17, '0')}`;

/** The key of the one session that the stub's STS hands out; it ends one hour after noon. */
export const sessionKey = 'ASIASESSIONOFTHETEST';

/** Enough of AWS for the tests: VPCs are numbered, S3 takes everything, STS gives one session. */
export const littleAws = (): ((seen: Seen) => StubReply) => {
  let vpcs = 0;
  return ({ action, method, url }) => {
    // No bucket has a policy.
    if (method === 'GET' && url.endsWith('?policy')) return { status: 404 };
    switch (action) {
      case 'CreateVpc':
        vpcs += 1;
        return { body: ec2(action, `<vpc><vpcId>${vpcId(vpcs)}</vpcId><state>pending</state></vpc>`) };
      case 'DescribeVpcs':
        return { body: ec2(action, '<vpcSet/>') };
      case 'DeleteVpc':
        return {
          status: 400,
          body: '<Response><Errors><Error><Code>DependencyViolation</Code><Message>It is in use.</Message></Error></Errors></Response>',
        };
      case 'AssumeRole':
        return {
          body:
            '<AssumeRoleResponse><AssumeRoleResult><Credentials>' +
            `<AccessKeyId>${sessionKey}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>` +
            `<Expiration>${later(noon, 3600).toISOString()}</Expiration></Credentials><AssumedRoleUser>` +
            `<AssumedRoleId>AROATEST:ci-run-7</AssumedRoleId><Arn>arn:aws:sts::${accountId}:assumed-role/deploy/ci-run-7</Arn>` +
            '</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>',
        };
      case 'GetCallerIdentity':
        return {
          body: `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>${accountId}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
        };
      default:
        return { body: '' };
    }
  };
};

/** The proxy in front of a stub, a clock to turn, the lab's HTTP API, and clients that never retry. */
export const startRig = async ({ reply = littleAws() }: { reply?: (seen: Seen) => StubReply | Promise<StubReply> } = {}) => {
  const stub = await startStub(reply);
  const time = { now: noon };
  const proxy = await startProxy({ upstreamPort: stub.port, accountId, region, clock: { now: () => time.now } });
  if ('reason' in proxy) throw new Error(proxy.reason);
  onTestFinished(() => proxy.close());

  const api = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${proxy.url}/_lab${path}`, {
      method,
      headers: { authorization: `Bearer ${proxy.token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };

  const clients = (accessKeyId: string) => {
    const config = {
      endpoint: proxy.url,
      region,
      maxAttempts: 1,
      credentials: { accessKeyId, secretAccessKey: 'secret', sessionToken: 'token' },
    };
    const made = {
      ec2: new EC2Client(config),
      s3: new S3Client({ ...config, forcePathStyle: true }),
      sts: new STSClient(config),
      cloudtrail: new CloudTrailClient(config),
    };
    onTestFinished(() => Object.values(made).forEach((client) => client.destroy()));
    return made;
  };

  return {
    proxy,
    stub,
    time,
    api,
    clients,
    setFault: (order: FaultOrder) => api('POST', '/faults', order),
    calls: async (query = ''): Promise<Call[]> => ((await api('GET', `/calls${query}`)).body as { calls: Call[] }).calls,
    whenHeld: async (): Promise<HeldCall[]> => ((await api('GET', '/held?wait=1')).body as { held: HeldCall[] }).held,
  };
};

/** The error that a client call ends with. */
export const errorOf = async (call: Promise<unknown>): Promise<{ name: string; status: number | undefined; message: string }> => {
  try {
    await call;
  } catch (error) {
    const { name, message, $metadata } = error as { name: string; message: string; $metadata?: { httpStatusCode?: number } };
    return { name, status: $metadata?.httpStatusCode, message };
  }
  throw new Error('The call succeeded.');
};

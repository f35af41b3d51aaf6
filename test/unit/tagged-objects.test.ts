import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EC2Client } from '@aws-sdk/client-ec2';
import { expect, onTestFinished, test } from 'vitest';
import { onlyEc2 } from '../support/only-ec2.ts';
import { lookByTag } from '../../orchestrator/aws/tagged-objects.ts';

/** What of AWS the emulator does not do: pages, tags that outlive their object, and refusals. */

type Reply = { readonly status?: number; readonly body: string };

/** An EC2 that answers each action as the test says. */
async function ec2With(reply: (call: URLSearchParams) => Reply) {
  const calls: URLSearchParams[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      const call = new URLSearchParams(body);
      calls.push(call);
      const answer = reply(call);
      res.writeHead(answer.status ?? 200);
      res.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ec2 = clientOf((server.address() as AddressInfo).port);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ec2, actions: () => calls.map((call) => call.get('Action')) };
}

function clientOf(port: number): EC2Client {
  const ec2 = new EC2Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
  onTestFinished(() => ec2.destroy());
  return ec2;
}

const answer = (action: string, inner: string): Reply => ({ body: `<${action}Response>${inner}</${action}Response>` });

const tag = (id: string, type: string, key: string, value: string): string =>
  `<item><resourceId>${id}</resourceId><resourceType>${type}</resourceType><key>holdfast:${key}</key><value>${value}</value></item>`;

interface Object {
  readonly id: string;
  readonly type: string;
  readonly state?: string;
}

/** An EC2 with objects of one stack and installation, in pages of one tag. */
function objects(all: readonly Object[]) {
  return (call: URLSearchParams): Reply => {
    const action = call.get('Action') ?? '';
    if (action === 'DescribeTags') {
      const byId = call.get('Filter.1.Name') === 'resource-id';
      const rows = all.flatMap(({ id, type }) => [
        tag(id, type, 'stack', 'n.vpc.a'),
        ...(byId ? [tag(id, type, 'installation', 'ours'), tag(id, type, 'resource', `the ${type}`)] : []),
      ]);
      const page = Number(call.get('NextToken') ?? '0');
      const next = page + 1 < rows.length ? `<nextToken>${page + 1}</nextToken>` : '';
      return answer(action, `<tagSet>${rows[page] ?? ''}</tagSet>${next}`);
    }
    const shown = (type: string, idName: string): string =>
      all
        .filter((object) => object.type === type && object.state !== undefined)
        .map(({ id, state }) => `<item><${idName}>${id}</${idName}><state>${state ?? ''}</state></item>`)
        .join('');
    if (action === 'DescribeVpcs') return answer(action, `<vpcSet>${shown('vpc', 'vpcId')}</vpcSet>`);
    if (action === 'DescribeTransitGatewayVpcAttachments')
      return answer(
        action,
        `<transitGatewayVpcAttachments>${shown('transit-gateway-attachment', 'transitGatewayAttachmentId')}</transitGatewayVpcAttachments>`,
      );
    return {
      status: 400,
      body: `<Response><Errors><Error><Code>InvalidAction</Code><Message>${action}</Message></Error></Errors></Response>`,
    };
  };
}

const look = { installation: 'ours', stack: 'n.vpc.a', known: new Set<string>() };

test('all pages are read', async () => {
  const vpcs = ['vpc-1', 'vpc-2', 'vpc-3'].map((id) => ({ id, type: 'vpc', state: 'available' }));
  const { ec2 } = await ec2With(objects(vpcs));
  expect(await lookByTag(onlyEc2(ec2), look)).toEqual({
    ok: true,
    value: vpcs.map(({ id }) => ({ id, resourceType: 'vpc', resource: 'the vpc' })),
  });
});

test('where the checkpoint has all there is, it is one call', async () => {
  const { ec2, actions } = await ec2With(objects([{ id: 'vpc-1', type: 'vpc', state: 'available' }]));
  expect(await lookByTag(onlyEc2(ec2), { ...look, known: new Set(['vpc-1']) })).toEqual({ ok: true, value: [] });
  expect(actions()).toEqual(['DescribeTags']);
});

test('what its tags alone show may be gone, or made a moment ago: it is told as that', async () => {
  const { ec2 } = await ec2With(
    objects([
      { id: 'vpc-1', type: 'vpc' },
      { id: 'vpc-2', type: 'vpc', state: 'available' },
    ]),
  );
  expect(await lookByTag(onlyEc2(ec2), look)).toEqual({
    ok: true,
    value: [
      { id: 'vpc-1', resourceType: 'vpc', resource: 'the vpc', shown: false },
      { id: 'vpc-2', resourceType: 'vpc', resource: 'the vpc' },
    ],
  });
});

test('what is gone is not counted, though its tags are still there', async () => {
  const { ec2 } = await ec2With(
    objects([
      { id: 'tgw-attach-1', type: 'transit-gateway-attachment', state: 'deleted' },
      { id: 'tgw-attach-2', type: 'transit-gateway-attachment', state: 'deleting' },
      { id: 'tgw-attach-3', type: 'transit-gateway-attachment', state: 'pending' },
      { id: 'tgw-attach-4', type: 'transit-gateway-attachment', state: 'failed' },
      { id: 'tgw-attach-5', type: 'transit-gateway-attachment', state: 'rollingBack' },
    ]),
  );
  expect(await lookByTag(onlyEc2(ec2), look)).toMatchObject({ ok: true, value: [{ id: 'tgw-attach-3' }, { id: 'tgw-attach-5' }] });
});

test('what is of no type that is known here counts as alive', async () => {
  const { ec2 } = await ec2With(objects([{ id: 'pl-1', type: 'prefix-list' }]));
  expect(await lookByTag(onlyEc2(ec2), look)).toMatchObject({ ok: true, value: [{ id: 'pl-1', resourceType: 'prefix-list' }] });
});

test('a refusal is a value, with its code', async () => {
  const { ec2 } = await ec2With(() => ({
    status: 403,
    body: '<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message></Error></Errors></Response>',
  }));
  expect(await lookByTag(onlyEc2(ec2), look)).toEqual({ ok: false, code: 'UnauthorizedOperation', message: 'You are not authorized.' });
});

test('no network is a value too', async () => {
  expect(await lookByTag(onlyEc2(clientOf(9)), look)).toMatchObject({ ok: false, code: 'ECONNREFUSED' });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { actionsOf } from '../../orchestrator/aws/permissions/calls.ts';
import { permissions, roles } from '../../orchestrator/aws/permissions/roles.ts';
import { withPermissions } from '../../orchestrator/ui/permissions-page.ts';
import { readRecordings } from '../contract/recordings.ts';
import { callsOf, sdkCalls } from './support/sdk-calls.ts';

/** Not for a policy to allow: who may assume a role is in that role's trust policy (docs/roles.md). */
const ofTrust = 'sts:AssumeRoleWithWebIdentity';

/** The provider's resources that the kinds of stack are made of. */
const resources = [
  'aws_ec2_transit_gateway',
  'aws_ec2_transit_gateway_route',
  'aws_ec2_transit_gateway_route_table',
  'aws_ec2_transit_gateway_route_table_association',
  'aws_ec2_transit_gateway_route_table_propagation',
  'aws_ec2_transit_gateway_vpc_attachment',
  'aws_route',
  'aws_route_table',
  'aws_route_table_association',
  'aws_subnet',
  'aws_vpc',
  'aws_cloudwatch_metric_alarm',
  'aws_sns_topic',
  'aws_sns_topic_subscription',
];

/** Calls of the provider that the recordings do not have, as they end before or need what was not recorded. */
const besideRecordings: Readonly<Record<string, string>> = {
  'ec2:DeleteSubnet': 'the recordings have no delete of a subnet',
  'ec2:DeleteTags': 'the recordings take no tag away',
  'sns:UntagResource': 'likewise',
  'cloudwatch:UntagResource': 'likewise',
  'ec2:DeleteTransitGateway': 'the recordings have no delete of a gateway',
  'ec2:DeleteTransitGatewayVpcAttachment': 'the recordings have no delete of an attachment',
  'ec2:DeleteVpc': 'the recordings have no delete of a VPC',
  'ec2:DescribeNetworkInterfaces': 'before a subnet is deleted',
  'ec2:ReplaceRoute': 'the target of a route changes with a gateway that is replaced',
  'iam:CreateServiceLinkedRole': 'the first attachment of an account',
};

const serviceOf = (address: string): string => /^aws_(sns|cloudwatch)_/.exec(address)?.[1] ?? 'ec2';

const providerActions = (): ReadonlySet<string> =>
  new Set(
    Object.entries(readRecordings())
      .filter(([address]) => resources.includes(address.slice(0, address.indexOf('.'))))
      .flatMap(([address, { create, update, import: imported, delete: deleted }]) =>
        [create, update, imported, deleted].flatMap((phase) => phase?.calls ?? []).map(({ action }) => `${serviceOf(address)}:${action}`),
      ),
  );

const listed = new Set(permissions.map(({ action }) => action));

describe('the table of permissions', () => {
  it('has every call that the code makes', () => {
    const missing = sdkCalls().flatMap(({ file, service, call }) =>
      actionsOf(service, call).flatMap((action) => (listed.has(action) || action === ofTrust ? [] : [`${file}: ${action}`])),
    );
    expect(missing).toEqual([]);
  });

  it('has every call that the provider makes for the kinds of stack', () => {
    expect([...providerActions()].filter((action) => !listed.has(action))).toEqual([]);
  });

  it('has nothing that nobody calls', () => {
    const called = new Set([
      ...sdkCalls().flatMap(({ service, call }) => actionsOf(service, call)),
      ...providerActions(),
      ...Object.keys(besideRecordings),
    ]);
    expect([...listed].filter((action) => !called.has(action))).toEqual([]);
  });

  it('has each action of a place once for each role', () => {
    const rows = permissions.flatMap(({ action, place, roles: who }) => who.map((role) => `${role} ${action} ${place}`));
    expect(rows.filter((row, index) => rows.indexOf(row) !== index)).toEqual([]);
  });

  it('has something for every role, and a reason for every row', () => {
    for (const role of roles) expect(permissions.some((row) => row.roles.includes(role))).toBe(true);
    expect(permissions.filter(({ why, roles: who }) => why === '' || who.length === 0)).toEqual([]);
  });
});

describe('the calls of a file', () => {
  const names = (text: string): string[] => callsOf('a.ts', text).map(({ service, call }) => `${service} ${call}`);

  it('are the commands and paginators that it imports, and no types', () => {
    expect(
      names(`import { EC2Client, DescribeVpcsCommand, paginateDescribeTags, type DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import type { PutObjectCommand } from '@aws-sdk/client-s3';`),
    ).toEqual(['ec2 DescribeVpcs', 'ec2 DescribeTags']);
  });

  it('are also those that it loads later', () => {
    expect(names(`const { EncryptCommand, KMSClient } = await import('@aws-sdk/client-kms');`)).toEqual(['kms Encrypt']);
    expect(names(`new (await import('@aws-sdk/client-sns')).PublishCommand({});`)).toEqual(['sns Publish']);
    expect(names(`const [sns, { PublishCommand }] = await Promise.all([client(), import('@aws-sdk/client-sns')]);`)).toEqual([
      'sns Publish',
    ]);
  });

  it('cannot be told where it imports everything', () => {
    expect(() => names(`import * as ec2 from '@aws-sdk/client-ec2';`)).toThrow('a.ts imports all of');
    expect(() => names(`const ec2 = await import('@aws-sdk/client-ec2');`)).toThrow('cannot be told');
  });
});

it('docs/roles.md has the table of today (npm run roles:page)', () => {
  const page = readFileSync(new URL('../../docs/roles.md', import.meta.url), 'utf8');
  expect(page).toBe(withPermissions(page));
});

/** Cases that every run of the tests makes: the worst of each scenario, and each in which something was found. */

const at = (call: string, ...faults: readonly string[]): string[] => faults.map((fault) => `${call}/${fault}`);

const killed = ['cli-killed', 'provider-killed', 'orchestrator-killed', 'everything-killed'] as const;

export const always: readonly string[] = [
  // A create that AWS has accepted and nobody has written down, in every way.
  ...at(
    'first-deploy/transit-gateway/CreateTransitGateway/accepted',
    ...killed,
    'cli-and-provider-killed',
    'orchestrator-and-cli-killed',
    'orchestrator-and-provider-killed',
    'one-sigint',
    'two-sigints',
    'cli-two-sigints',
    'orchestrator-paused',
    'cli-paused',
    'session-expired',
    'session-revoked',
    'ec2-refused',
    'both-refused',
    'stale-describes',
  ),
  // Half done: the VPC is there, its attributes are not.
  ...at('first-deploy/vpc.one/CreateVpc/accepted', ...killed, 'reply-lost', 'stale-describes'),
  ...at('first-deploy/vpc.one/ModifyVpcAttribute/before', 'everything-killed', 'ec2-refused'),
  ...at('first-deploy/vpc.one/CreateSubnet/before', 'provider-killed', 'session-revoked'),
  // What has no tags and no id of AWS's.
  ...at('first-deploy/route-tables.one/CreateRoute/accepted', ...killed),
  ...at('first-deploy/route-tables.one/AssociateTransitGatewayRouteTable/accepted', 'cli-killed', 'everything-killed'),
  ...at('first-deploy/route-tables.one/AssociateRouteTable/accepted', 'everything-killed'),
  ...at('update/transit-gateway/ModifyTransitGateway/accepted', ...killed, 'session-revoked', 'two-sigints'),
  ...at('remove/transit-gateway/DeleteTransitGatewayRoute/accepted', ...killed),
  ...at('replace/vpc.one/CreateVpc/accepted', 'cli-killed', 'provider-killed'),
  ...at('replace/vpc.one/DeleteTransitGatewayVpcAttachment/accepted', 'cli-killed', 'everything-killed'),
  ...at('replace/vpc.one/CreateTransitGatewayVpcAttachment/accepted', 'cli-killed', 'provider-killed', 'session-revoked'),
  ...at('replace/vpc.one/DeleteVpc/accepted', 'everything-killed'),
  ...at('delete-vpc/route-tables.one/DeleteRoute/accepted', 'cli-killed', 'provider-killed'),
  ...at('delete-vpc/vpc.one/DeleteTransitGatewayVpcAttachment/accepted', 'cli-killed', 'session-revoked'),
  ...at('delete-vpc/vpc.one/DeleteVpc/accepted', 'everything-killed'),
  // The bucket.
  ...at('first-deploy/transit-gateway/checkpoint-8/before', 's3-refused', 'orchestrator-killed', 'cli-killed'),
  ...at('first-deploy/transit-gateway/checkpoint-8/accepted', 'reply-lost', 'orchestrator-killed'),
  ...at('first-deploy/transit-gateway/lock/accepted', 'reply-lost'),
  ...at('first-deploy/transit-gateway/journal-verified/before', 'orchestrator-killed', 's3-refused'),
  ...at('first-deploy/transit-gateway/removal-of-lock/before', 'orchestrator-killed', 's3-refused'),
  // Found: the mark of a run whose lock was the only thing left stayed after the recovery.
  ...at('destroy/transit-gateway/removal-of-lock/before', 's3-refused'),
  // Found: the mark of a run that died before its opening was written stayed for ever.
  ...at('first-deploy/transit-gateway/journal-run-opened/before', 'orchestrator-killed', 's3-refused'),
  // Found: what was spooled stayed after the recovery.
  ...at('first-deploy/transit-gateway/checkpoint-8/before', 'spool-refused'),
];

const recovery = 'first-deploy/transit-gateway/CreateTransitGateway/accepted/cli-killed//recover';

export const alwaysSecond: readonly string[] = [
  ...at(`${recovery}/lock/before`, 'killed', 's3-refused'),
  ...at(`${recovery}/checkpoint-1/before`, 'killed', 'session-revoked'),
  ...at(`${recovery}/checkpoint-2/before`, 'killed', 'two-sigints', 'overtaken'),
  ...at(`${recovery}/removal-of-lock/before`, 'killed', 's3-refused'),
];

export const rotatingCount = 8;

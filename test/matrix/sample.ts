/** The cases of the interruption matrix that the tests try: those of each push, and those that come to them at night (test/support/tier.ts). */

const at = (call: string, ...faults: readonly string[]): string[] => faults.map((fault) => `${call}/${fault}`);

const killed = ['cli-killed', 'provider-killed', 'orchestrator-killed', 'everything-killed'] as const;

/** Faults that a run notices in the same way. */
export const sorts: Readonly<Record<string, readonly string[]>> = {
  killed: [...killed, 'cli-and-provider-killed', 'orchestrator-and-cli-killed', 'orchestrator-and-provider-killed'],
  signalled: ['one-sigint', 'two-sigints', 'cli-two-sigints'],
  paused: ['orchestrator-paused', 'cli-paused'],
  'without a session': ['session-expired', 'session-revoked'],
  refused: ['ec2-refused', 's3-refused', 'both-refused', 'spool-refused'],
  slow: ['throttled', 'slow-bucket'],
  unanswered: ['reply-lost'],
  stale: ['stale-describes'],
};

/**
 * A fault of each sort, a case of each scenario but for the edits of a network, of which three, each case that catches a broken build (broken-builds.ts), and
 * each that ever found something.
 */
export const onPush: readonly string[] = [
  // A create that AWS has accepted, and that is in no state.
  ...at(
    'first-deploy/transit-gateway/CreateTransitGateway/accepted',
    'provider-killed',
    'orchestrator-killed',
    'everything-killed',
    'cli-two-sigints',
    'orchestrator-paused',
    'stale-describes',
  ),
  ...at('first-deploy/vpc.one/CreateVpc/accepted', 'reply-lost'),
  // What has no tags and no id of AWS's.
  ...at('first-deploy/route-tables.one/CreateRoute/accepted', 'cli-killed'),
  ...at('update/transit-gateway/ModifyTransitGateway/accepted', 'everything-killed'),
  ...at('remove/segment.main/DeleteTransitGatewayRoute/accepted', 'cli-killed'),
  ...at('replace/vpc.one/CreateTransitGatewayVpcAttachment/accepted', 'session-revoked'),
  ...at('delete-vpc/vpc.one/DeleteVpc/accepted', 'everything-killed'),
  // Edits of a network, their traffic looked at after every call.
  ...at('route-to-blackhole/network/CreateTransitGatewayRoute/accepted', 'one-sigint'),
  ...at('move-default-route/network/DeleteTransitGatewayRoute/accepted', 'orchestrator-killed'),
  ...at('add-zone/network/CreateSubnet/accepted', 'one-sigint'),
  // The bucket: the checkpoint, the engine's history, and Holdfast's own writes.
  ...at(
    'first-deploy/transit-gateway/checkpoint-8/before',
    's3-refused',
    // Found: what was spooled stayed after the recovery.
    'spool-refused',
  ),
  ...at('first-deploy/transit-gateway/history/before', 'throttled'),
  // Claimed, started, verified: what the record says decides.
  ...at('first-deploy/transit-gateway/record/accepted', 'reply-lost'),
  ...at('first-deploy/transit-gateway/record-2/before', 'orchestrator-killed'),
  ...at('first-deploy/transit-gateway/removal-of-lock/before', 'orchestrator-killed'),
  // Found: the mark of a run whose lock was the only thing left stayed after the recovery.
  ...at('destroy/transit-gateway/removal-of-lock/before', 's3-refused'),
  // Found: the mark of a run that died before its opening was written stayed for ever.
  ...at('first-deploy/transit-gateway/journal-run-opened/before', 'orchestrator-killed', 's3-refused'),
];

/**
 * Further ones. With those of a push they are of each fault a case at each kind of call that it can strike (`Role` in calls.ts), which sample.test.ts holds
 * against all cells, each kind of change of AWS, and the worst of each scenario.
 */
export const atNight: readonly string[] = [
  ...at(
    'first-deploy/transit-gateway/CreateTransitGateway/accepted',
    'cli-killed',
    'cli-and-provider-killed',
    'orchestrator-and-cli-killed',
    'orchestrator-and-provider-killed',
    'one-sigint',
    'two-sigints',
    'cli-paused',
    'session-expired',
    'session-revoked',
    'ec2-refused',
    'both-refused',
  ),
  // Half done: the VPC is there, its attributes are not.
  ...at('first-deploy/vpc.one/CreateVpc/accepted', ...killed, 'stale-describes'),
  ...at('first-deploy/vpc.one/ModifyVpcAttribute/before', 'everything-killed', 'ec2-refused'),
  ...at('first-deploy/vpc.one/CreateSubnet/before', 'provider-killed', 'session-revoked', 'throttled'),
  ...at('first-deploy/route-tables.one/CreateRoute/accepted', 'provider-killed', 'orchestrator-killed', 'everything-killed'),
  ...at('first-deploy/member.one/AssociateTransitGatewayRouteTable/accepted', 'cli-killed', 'everything-killed'),
  ...at('first-deploy/vpc.one/AssociateRouteTable/accepted', 'everything-killed'),
  ...at(
    'update/transit-gateway/ModifyTransitGateway/accepted',
    'cli-killed',
    'provider-killed',
    'orchestrator-killed',
    'session-revoked',
    'two-sigints',
  ),
  ...at('remove/segment.main/DeleteTransitGatewayRoute/accepted', 'provider-killed', 'orchestrator-killed', 'everything-killed'),
  ...at('replace/vpc.one/CreateVpc/accepted', 'cli-killed', 'provider-killed'),
  // Found: the oracle did not know that an association goes with its subnet.
  ...at('replace/vpc.one/AssociateRouteTable/before', 'ec2-refused'),
  ...at('replace/vpc.one/DeleteTransitGatewayVpcAttachment/accepted', 'cli-killed', 'everything-killed'),
  ...at('replace/vpc.one/CreateTransitGatewayVpcAttachment/accepted', 'cli-killed', 'provider-killed'),
  ...at('replace/vpc.one/DeleteVpc/accepted', 'everything-killed'),
  ...at('delete-vpc/route-tables.one/DeleteRoute/accepted', 'cli-killed', 'provider-killed'),
  ...at('delete-vpc/vpc.one/DeleteTransitGatewayVpcAttachment/accepted', 'cli-killed', 'session-revoked'),
  ...at('move-vpc/network/DisassociateTransitGatewayRouteTable/accepted', 'everything-killed'),
  ...at('remove-segment/network/DeleteTransitGatewayVpcAttachment/accepted', 'cli-killed'),
  ...at('merge-segments/network/AssociateTransitGatewayRouteTable/accepted', 'session-revoked'),
  ...at('resize-subnet/network/ModifyTransitGatewayVpcAttachment/accepted', 'provider-killed'),
  ...at('swap-cidr/network/CreateVpc/accepted', 'everything-killed'),
  ...at(
    'first-deploy/transit-gateway/checkpoint-8/before',
    'cli-killed',
    'two-sigints',
    'orchestrator-killed',
    'orchestrator-paused',
    'session-expired',
    'session-revoked',
    'throttled',
  ),
  ...at('first-deploy/transit-gateway/checkpoint-8/accepted', 'reply-lost', 'orchestrator-killed'),
  ...at('first-deploy/transit-gateway/history/before', 'orchestrator-killed', 's3-refused'),
  ...at('first-deploy/transit-gateway/history/accepted', 'reply-lost'),
  ...at('first-deploy/transit-gateway/journal-run-opened/before', 'slow-bucket'),
  ...at('first-deploy/transit-gateway/lock/before', 'one-sigint', 'orchestrator-killed', 'orchestrator-paused', 's3-refused', 'throttled'),
  ...at('first-deploy/transit-gateway/lock/accepted', 'reply-lost'),
  ...at('first-deploy/transit-gateway/record-2/before', 's3-refused'),
  ...at('first-deploy/transit-gateway/record-3/before', 'orchestrator-killed', 's3-refused', 'two-sigints'),
  ...at('first-deploy/transit-gateway/removal-of-lock/before', 's3-refused'),
];

const recovery = 'first-deploy/transit-gateway/CreateTransitGateway/accepted/cli-killed//recover';

/** Second faults, at a call of the recovery: one that stops it, and one that another recovery has overtaken. */
export const secondOnPush: readonly string[] = [
  ...at(`${recovery}/checkpoint-2/before`, 'overtaken'),
  ...at(`${recovery}/removal-of-lock/before`, 'killed'),
];

/** With those of a push each of them. */
export const secondAtNight: readonly string[] = [
  ...at(`${recovery}/lock-2/before`, 'killed', 's3-refused'),
  ...at(`${recovery}/checkpoint-1/before`, 'killed', 'session-revoked'),
  ...at(`${recovery}/checkpoint-2/before`, 'killed', 'two-sigints'),
  ...at(`${recovery}/checkpoint-2/accepted`, 'reply-lost'),
  ...at(`${recovery}/removal-of-lock/before`, 's3-refused'),
];

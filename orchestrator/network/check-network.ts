import { cidr, contains, overlaps } from '../domain/cidr.ts';
import { isIgnoredTag } from '../domain/tag-patterns.ts';
import { labAccountId } from '../domain/lab-record.ts';
import { parseKmsUrl } from '../state/kms-url.ts';
import { partitionOf } from './endpoint.ts';
import { topologyOf } from '../reachability/from-network.ts';
import { joinedOverlaps } from '../reachability/overlaps.ts';
import { noRenames, renamesIn } from './renames.ts';
import type { Path, Rename, Renames } from './renames.ts';
import type { NetworkSpec } from './spec.ts';

/** One cross-check that failed, at a place in the file. */
export interface Finding {
  readonly path: Path;
  readonly reason: string;
  readonly message: string;
  readonly next: string;
}

/**
 * What the schema of one field cannot see: how the parts of a network fit together. Pure; all findings, not just the first.
 * @param spec under the names of the file
 */
export function checkNetwork(spec: NetworkSpec, renames: Renames = noRenames): Finding[] {
  return [
    ...checkSegments(spec),
    ...checkVpcs(spec),
    ...checkOverlaps(spec),
    ...checkTags(spec),
    ...checkTopic(spec),
    ...checkPlaces(spec),
    ...checkRenames(spec, renames),
  ];
}

export const finding = (path: Path, reason: string, message: string, next: string): Finding => ({ path, reason, message, next });

const nameOneOf = (names: readonly string[]): string => `Name one of: ${names.length === 0 ? 'none' : names.join(', ')}`;

function* unknownSegment(spec: NetworkSpec, path: Path, segment: string): Iterable<Finding> {
  // Own, as every object also has a `constructor`.
  if (!Object.hasOwn(spec.segments, segment))
    yield finding(
      path,
      'unknown-segment',
      `there is no segment "${segment}"`,
      `${nameOneOf(Object.keys(spec.segments))}; or add it under segments.`,
    );
}

function* duplicates(path: Path, values: readonly string[], what: string): Iterable<Finding> {
  for (const [index, value] of values.entries())
    if (values.indexOf(value) !== index)
      yield finding([...path, index], 'duplicate', `${what} ${value} is listed twice`, 'Remove one of the two.');
}

function* checkTags({ defaults, ignoreTags }: NetworkSpec): Iterable<Finding> {
  for (const key of Object.keys(defaults.tags))
    if (isIgnoredTag(ignoreTags, key))
      yield finding(
        ['defaults', 'tags', key],
        'tag-ignored',
        `the tag ${key} would never be put on anything: \`ignoreTags\` leaves it to others`,
        'Remove it, or write the list `ignoreTags` without what matches it.',
      );
}

function* checkSegments(spec: NetworkSpec): Iterable<Finding> {
  for (const [name, { reaches, blackholes, routes }] of Object.entries(spec.segments)) {
    const at = ['segments', name];
    for (const [index, other] of reaches.entries()) yield* unknownSegment(spec, [...at, 'reaches', index], other);
    yield* duplicates([...at, 'reaches'], reaches, 'segment');
    yield* duplicates([...at, 'blackholes'], blackholes, 'blackhole');
    const taken = new Set(blackholes);
    const destinations = routes.map(({ to }) => to);
    yield* duplicates([...at, 'routes'], destinations, 'route to');
    for (const [index, { to, vpc }] of routes.entries()) {
      const path = [...at, 'routes', index];
      if (!Object.hasOwn(spec.vpcs, vpc))
        yield finding([...path, 'vpc'], 'unknown-vpc', `there is no VPC "${vpc}"`, `${nameOneOf(Object.keys(spec.vpcs))}.`);
      else if (taken.has(to))
        yield finding(
          [...path, 'to'],
          'route-and-blackhole',
          `${to} is both a route and a blackhole of segment "${name}"; a gateway route table holds one of them`,
          'Remove one of the two.',
        );
    }
  }
}

function* checkVpcs(spec: NetworkSpec): Iterable<Finding> {
  for (const [name, vpc] of Object.entries(spec.vpcs)) {
    const at = ['vpcs', name];
    const block = cidr(vpc.cidr);
    const tiers = Object.keys(vpc.subnets);
    yield* unknownSegment(spec, [...at, 'segment'], vpc.segment);
    if (!tiers.includes(vpc.attachment))
      yield finding(
        [...at, 'attachment'],
        'unknown-tier',
        `VPC "${name}" has no tier of subnets "${vpc.attachment}" for its attachment`,
        `${nameOneOf(tiers)}.`,
      );
    yield* checkSubnets(name, vpc);
    for (const [tier, destinations] of Object.entries(vpc.routes)) {
      const path = [...at, 'routes', tier];
      if (!tiers.includes(tier))
        yield finding(path, 'unknown-tier', `VPC "${name}" has no tier of subnets "${tier}"`, `${nameOneOf(tiers)}.`);
      yield* duplicates(path, destinations, 'destination');
      for (const [index, to] of destinations.entries())
        if (contains(block, cidr(to)))
          yield finding(
            [...path, index],
            'route-inside-vpc',
            `${to} lies inside VPC "${name}" (${vpc.cidr}), which routes it locally`,
            'Remove this destination.',
          );
    }
  }
}

function* checkSubnets(name: string, vpc: NetworkSpec['vpcs'][string]): Iterable<Finding> {
  const subnets = Object.entries(vpc.subnets).flatMap(([tier, zones]) =>
    Object.entries(zones).map(([zone, text]) => ({
      path: ['vpcs', name, 'subnets', tier, zone],
      label: `${tier} ${zone}`,
      block: cidr(text),
    })),
  );
  for (const { path, label, block } of subnets)
    if (!contains(cidr(vpc.cidr), block))
      yield finding(
        path,
        'subnet-outside-vpc',
        `subnet ${label} (${block.text}) is outside its VPC "${name}" (${vpc.cidr})`,
        `Choose a block inside ${vpc.cidr}.`,
      );
  for (const [index, { path, label, block }] of subnets.entries())
    for (const earlier of subnets.slice(0, index))
      if (overlaps(earlier.block, block))
        yield finding(
          path,
          'subnets-overlap',
          `subnet ${label} (${block.text}) overlaps subnet ${earlier.label} (${earlier.block.text}) of VPC "${name}"`,
          'Give one of them another block.',
        );
}

/** One gateway cannot tell two VPCs with the same addresses apart, where a path could join them. */
function* checkOverlaps(spec: NetworkSpec): Iterable<Finding> {
  for (const { vpc, other, table } of joinedOverlaps(topologyOf(spec)))
    yield finding(
      ['vpcs', vpc, 'cidr'],
      'vpcs-overlap',
      `VPC "${vpc}" (${spec.vpcs[vpc]?.cidr ?? ''}) overlaps VPC "${other}" (${spec.vpcs[other]?.cidr ?? ''}), and the route table of segment "${table}" may lead to both; the gateway could not tell them apart`,
      'Give one of them another block, or keep them in segments of which none reaches the other and nothing reaches both.',
    );
}

function* checkTopic({ region, guardrails }: NetworkSpec): Iterable<Finding> {
  const { arn, subscriptions = [] } = guardrails?.topic ?? {};
  const at = ['guardrails', 'topic'];
  const regionOfTopic = arn?.split(':')[3];
  if (arn !== undefined && subscriptions.length > 0)
    yield finding(
      [...at, 'subscriptions'],
      'subscriptions-of-another',
      `${arn} is a topic that somebody else makes, and who reads it is theirs to say`,
      'Remove the subscriptions, and subscribe where the topic is made; or remove the arn, and the stack makes a topic.',
    );
  if (arn !== undefined && regionOfTopic !== region)
    yield finding(
      [...at, 'arn'],
      'topic-in-another-region',
      `the topic is in ${regionOfTopic ?? 'no region'}, and the network in ${region}: an alarm tells only topics of its own region`,
      `Name a topic of ${region}.`,
    );
  const listed = subscriptions.map(({ protocol, endpoint, endpointFrom }) => `${protocol} ${endpoint ?? `of ${endpointFrom ?? ''}`}`);
  yield* duplicates([...at, 'subscriptions'], listed, 'subscription');
}

/** Of each kind of thing, in each VPC, a name means one thing: as the file has it, and as it was deployed. */
function* checkRenames(spec: NetworkSpec, renames: Renames): Iterable<Finding> {
  const claimed = new Map<string, Rename>();
  for (const rename of renamesIn(renames)) {
    const { of, path, name, was } = rename;
    const thing = { segment: 'segment', vpc: 'VPC', tier: 'tier' }[of];
    const at = [...path, 'was'];
    const scope = path.slice(0, -1);
    const names = of === 'tier' ? spec.vpcs[String(scope[1])]?.subnets : of === 'vpc' ? spec.vpcs : spec.segments;
    const key = [...scope, was].join(' ');
    const other = claimed.get(key);
    claimed.set(key, other ?? rename);
    if (was === name) yield finding(at, 'was-itself', `${thing} "${name}" has "was: ${was}", which is its own name`, 'Remove this line.');
    else if (names !== undefined && Object.hasOwn(names, was))
      yield finding(
        at,
        'was-another',
        `${thing} "${name}" was "${was}", and the file has another ${thing} of that name`,
        `If the other one is the ${thing} that was deployed as "${was}", remove this line. If it is new, give it another name: this one is taken.`,
      );
    else if (other !== undefined)
      yield finding(
        at,
        'was-twice',
        `${thing} "${name}" was "${was}", and so was ${thing} "${other.name}": one of them is new`,
        'Remove the line of the one that is new.',
      );
  }
}

/** Where keys go. */
function* checkPlaces({ account, region, endpoints, state }: NetworkSpec): Iterable<Finding> {
  if (account === labAccountId && endpoints !== undefined)
    yield finding(
      ['endpoints'],
      'endpoints-of-the-lab',
      `account ${labAccountId} is the lab, which has an endpoint of its own`,
      'Remove the endpoints, or put your own account id into the network file.',
    );
  const named = parseKmsUrl(state.secrets)?.region;
  if (named !== undefined && partitionOf(named) !== partitionOf(region))
    yield finding(
      ['state', 'secrets'],
      'key-in-another-partition',
      `the key is in ${named}, and the network in ${region}: these are not of one partition of AWS`,
      `Name a key of the partition ${partitionOf(region)}.`,
    );
}

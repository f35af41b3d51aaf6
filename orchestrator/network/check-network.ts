import { cidr, contains, overlaps } from '../domain/cidr.ts';
import type { NetworkSpec } from './spec.ts';

/** One cross-check that failed, at a place in the file. */
export interface Finding {
  readonly path: readonly (string | number)[];
  readonly reason: string;
  readonly message: string;
  readonly next: string;
}

/** What the schema of one field cannot see: how the parts of a network fit together. Pure; all findings, not just the first. */
export function checkNetwork(spec: NetworkSpec): Finding[] {
  return [...checkSegments(spec), ...checkVpcs(spec), ...checkOverlaps(spec), ...checkTopic(spec)];
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));

function unknownSegment(spec: NetworkSpec, path: Finding['path'], segment: string): Finding[] {
  // Own, as every object also has a `constructor`.
  if (Object.hasOwn(spec.segments, segment)) return [];
  return [
    {
      path,
      reason: 'unknown-segment',
      message: `there is no segment "${segment}"`,
      next: `Name one of: ${listed(Object.keys(spec.segments))}; or add it under segments.`,
    },
  ];
}

function duplicates(path: Finding['path'], values: readonly string[], what: string): Finding[] {
  return values.flatMap((value, index) =>
    values.indexOf(value) === index
      ? []
      : [{ path: [...path, index], reason: 'duplicate', message: `${what} ${value} is listed twice`, next: 'Remove one of the two.' }],
  );
}

function checkSegments(spec: NetworkSpec): Finding[] {
  return Object.entries(spec.segments).flatMap(([name, segment]) => {
    const at = ['segments', name];
    const taken = new Set(segment.blackholes);
    return [
      ...segment.reaches.flatMap((other, index) => unknownSegment(spec, [...at, 'reaches', index], other)),
      ...duplicates([...at, 'reaches'], segment.reaches, 'segment'),
      ...duplicates([...at, 'blackholes'], segment.blackholes, 'blackhole'),
      ...duplicates(
        [...at, 'routes'],
        segment.routes.map((route) => route.to),
        'route to',
      ),
      ...segment.routes.flatMap((route, index): Finding[] => {
        const path = [...at, 'routes', index];
        if (!Object.hasOwn(spec.vpcs, route.vpc))
          return [
            {
              path: [...path, 'vpc'],
              reason: 'unknown-vpc',
              message: `there is no VPC "${route.vpc}"`,
              next: `Name one of: ${listed(Object.keys(spec.vpcs))}.`,
            },
          ];
        if (taken.has(route.to))
          return [
            {
              path: [...path, 'to'],
              reason: 'route-and-blackhole',
              message: `${route.to} is both a route and a blackhole of segment "${name}"; a gateway route table holds one of them`,
              next: 'Remove one of the two.',
            },
          ];
        return [];
      }),
    ];
  });
}

function checkVpcs(spec: NetworkSpec): Finding[] {
  return Object.entries(spec.vpcs).flatMap(([name, vpc]) => {
    const at = ['vpcs', name];
    const block = cidr(vpc.cidr);
    const tiers = Object.keys(vpc.subnets);
    const subnets = Object.entries(vpc.subnets).flatMap(([tier, zones]) =>
      Object.entries(zones).map(([zone, text]) => ({ path: [...at, 'subnets', tier, zone], label: `${tier} ${zone}`, block: cidr(text) })),
    );
    return [
      ...unknownSegment(spec, [...at, 'segment'], vpc.segment),
      ...(tiers.includes(vpc.attachment)
        ? []
        : [
            {
              path: [...at, 'attachment'],
              reason: 'unknown-tier',
              message: `VPC "${name}" has no tier of subnets "${vpc.attachment}" for its attachment`,
              next: `Name one of: ${listed(tiers)}.`,
            },
          ]),
      ...subnets
        .filter((subnet) => !contains(block, subnet.block))
        .map((subnet) => ({
          path: subnet.path,
          reason: 'subnet-outside-vpc',
          message: `subnet ${subnet.label} (${subnet.block.text}) is outside its VPC "${name}" (${vpc.cidr})`,
          next: `Choose a block inside ${vpc.cidr}.`,
        })),
      ...subnets.flatMap((subnet, index) =>
        subnets
          .slice(0, index)
          .filter((earlier) => overlaps(earlier.block, subnet.block))
          .map((earlier) => ({
            path: subnet.path,
            reason: 'subnets-overlap',
            message: `subnet ${subnet.label} (${subnet.block.text}) overlaps subnet ${earlier.label} (${earlier.block.text}) of VPC "${name}"`,
            next: 'Give one of them another block.',
          })),
      ),
      ...Object.entries(vpc.routes).flatMap(([tier, destinations]): Finding[] => [
        ...(tiers.includes(tier)
          ? []
          : [
              {
                path: [...at, 'routes', tier],
                reason: 'unknown-tier',
                message: `VPC "${name}" has no tier of subnets "${tier}"`,
                next: `Name one of: ${listed(tiers)}.`,
              },
            ]),
        ...duplicates([...at, 'routes', tier], destinations, 'destination'),
        ...destinations.flatMap((to, index) =>
          contains(block, cidr(to))
            ? [
                {
                  path: [...at, 'routes', tier, index],
                  reason: 'route-inside-vpc',
                  message: `${to} lies inside VPC "${name}" (${vpc.cidr}), which routes it locally`,
                  next: 'Remove this destination.',
                },
              ]
            : [],
        ),
      ]),
    ];
  });
}

/** One gateway cannot tell two VPCs with the same addresses apart. Sorted by first address, so that 500 VPCs are one pass. */
function checkOverlaps(spec: NetworkSpec): Finding[] {
  const blocks = Object.entries(spec.vpcs)
    .map(([name, vpc]) => ({ name, block: cidr(vpc.cidr) }))
    .sort((a, b) => a.block.first - b.block.first || a.block.prefixLength - b.block.prefixLength);
  const findings: Finding[] = [];
  let widest: (typeof blocks)[number] | undefined;
  for (const current of blocks) {
    if (widest && overlaps(widest.block, current.block))
      findings.push({
        path: ['vpcs', current.name, 'cidr'],
        reason: 'vpcs-overlap',
        message: `VPC "${current.name}" (${current.block.text}) overlaps VPC "${widest.name}" (${widest.block.text}); the gateway could not tell them apart`,
        next: 'Give one of them another block.',
      });
    if (!widest || current.block.last > widest.block.last) widest = current;
  }
  return findings;
}

function checkTopic({ region, guardrails }: NetworkSpec): Finding[] {
  const { arn, subscriptions = [] } = guardrails?.topic ?? {};
  const at = ['guardrails', 'topic'];
  const regionOfTopic = arn?.split(':')[3];
  return [
    ...(arn !== undefined && subscriptions.length > 0
      ? [
          {
            path: [...at, 'subscriptions'],
            reason: 'subscriptions-of-another',
            message: `${arn} is a topic that somebody else makes, and who reads it is theirs to say`,
            next: 'Remove the subscriptions, and subscribe where the topic is made; or remove the arn, and the stack makes a topic.',
          },
        ]
      : []),
    ...(arn !== undefined && regionOfTopic !== region
      ? [
          {
            path: [...at, 'arn'],
            reason: 'topic-in-another-region',
            message: `the topic is in ${regionOfTopic ?? 'no region'}, and the network in ${region}: an alarm tells only topics of its own region`,
            next: `Name a topic of ${region}.`,
          },
        ]
      : []),
    ...duplicates(
      [...at, 'subscriptions'],
      subscriptions.map(({ protocol, endpoint }) => `${protocol} ${endpoint}`),
      'subscription',
    ),
  ];
}

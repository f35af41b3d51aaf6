import { command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import type { PathFinding } from '../reachability/checks.ts';
import type { Place } from '../reachability/grouping.ts';
import { internet } from '../reachability/question.ts';
import type { Answer, End as Side } from '../reachability/question.ts';
import type { PathTexts, PathWarning, PlaceText } from '../reachability/json.ts';
import type { PathSet } from '../reachability/survey.ts';
import type { End, Hop, Way } from '../reachability/walk.ts';
import { plural } from './describe.ts';
import type { Style } from './reporter.ts';

/** What people read of who can reach whom. */

const everything = '0.0.0.0/0';

const listed = (words: readonly string[]): string => words.join(', ');

const blockText = (block: string | { readonly text: string }): string => (typeof block === 'string' ? block : block.text);

function placeInWords(place: Place | PlaceText): string {
  if (place.kind === 'addresses') {
    const subnet = `${place.vpc}.${place.tier}.${place.zone}`;
    const { part } = place;
    return `${subnet} (${part === undefined || part === null ? `the rest of ${blockText(place.block)}` : blockText(part)})`;
  }
  const name = place.kind === 'segment' ? `segment ${place.segment}` : place.vpc;
  const tiers = place.tiers === undefined ? '' : ` ${place.tiers.length === 1 ? 'tier' : 'tiers'} ${listed(place.tiers)}`;
  const zones = place.zones === undefined ? '' : ` ${place.zones.length === 1 ? 'zone' : 'zones'} ${listed(place.zones)}`;
  return `${name}${tiers}${zones}`;
}

export const placesInWords = (places: readonly (Place | PlaceText)[]): string => listed(places.map(placeInWords));

const destinationInWords = (to: string): string => (to === everything ? `everything else (${everything})` : to);

/** A line for each group of paths. */
export function pathLines({ pairs, outside }: PathTexts | PathSet): string[] {
  return [
    ...pairs.map(({ from, to, ways }) => `${placesInWords(from)} ${ways === 'both' ? '<->' : '-->'} ${placesInWords(to)}`),
    ...outside.map(
      ({ from, to, by }) =>
        `${placesInWords(from)} --> ${listed(to.map(destinationInWords))}${by === null || by === undefined ? '' : `, by ${by}`}`,
    ),
  ];
}

export interface PathsText {
  readonly network: string;
  readonly isLive: boolean;
  readonly there: PathTexts;
  readonly unknown: PathTexts;
  readonly findings: readonly PathFinding[];
}

export function describePaths({ network, isLive, there, unknown, findings }: PathsText, style: Style): string {
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [style.bold(title), ...lines.map((line) => `  ${line}`)];
  const both = pathLines({ pairs: there.pairs.filter(({ ways }) => ways === 'both'), outside: [] });
  const one = pathLines({ pairs: there.pairs.filter(({ ways }) => ways === 'one'), outside: [] });
  return [
    `${style.bold(network)}: who can reach whom, ${isLive ? 'by what AWS has' : 'by the network file'}`,
    ...section('both ways', both.length === 0 ? ['nothing'] : both),
    ...section('one way only, without a way back', one),
    ...section('to addresses that no VPC has', pathLines({ pairs: [], outside: there.outside })),
    ...section('cannot tell', pathLines(unknown)),
    ...section(plural(findings.length, 'warning'), findings.map(findingInWords)),
  ].join('\n');
}

const sideInWords = ({ vpc, tier, zone }: Side): string => `${vpc}.${tier}.${zone}`;

/** Pairs that are named before the rest is counted. */
const mostPairs = 4;

/** Answers that read alike are told once, with the subnets that they are of. @param names of the classes */
export function describeAnswers(
  { answers, names }: { readonly answers: readonly Answer[]; readonly names: readonly string[] },
  style: Style,
): string {
  const told = new Map<string, { readonly pairs: string[]; readonly lines: readonly string[] }>();
  for (const answer of answers) {
    const lines = answerLines(answer, style);
    const same = told.get(lines.join('\n')) ?? { pairs: [], lines };
    const to = answer.kind === 'pair' ? sideInWords(answer.to) : destinationInWords(names[answer.to] ?? everything);
    same.pairs.push(`${sideInWords(answer.from)} to ${to}`);
    told.set(lines.join('\n'), same);
  }
  return [...told.values()]
    .flatMap(({ pairs, lines }) => {
      const more = pairs.length - mostPairs;
      return [style.bold([...pairs.slice(0, mostPairs), ...(more > 0 ? [`and ${more} more`] : [])].join('; ')), ...lines];
    })
    .join('\n');
}

function answerLines(answer: Answer, style: Style): string[] {
  if (answer.kind === 'outside') return [`  ${style.bold('forth')}  ${endInWords(answer.forth.end)}`, ...wayLines(answer.forth)];
  const verdicts = {
    both: style.green('both ways'),
    forth: style.yellow('one way only: there is no way back'),
    back: style.yellow('one way only: there is a way back, and none forth'),
    none: style.red('no path'),
    'cannot-tell': style.yellow('cannot tell'),
  };
  return [
    `  ${verdicts[answer.ways]}`,
    `  ${style.bold('forth')}  ${endInWords(answer.forth.end)}`,
    ...wayLines(answer.forth),
    `  ${style.bold('back')}   ${endInWords(answer.back.end)}`,
    ...wayLines(answer.back),
  ];
}

const wayLines = ({ hops, end }: Way): string[] =>
  [...hops, ...(end.kind === 'loop' ? end.cycle : [])].map((hop) => `    ${hopInWords(hop)}`);

function hopInWords(hop: Hop): string {
  if (hop.at === 'gateway') return `segment ${hop.table}: ${hop.to} (${hop.type}) leads to ${hop.attachment}`;
  const where = tableInWords(hop);
  if (hop.target === 'local') return `${where}: ${hop.to} is the VPC's own`;
  return `${where}: ${hop.to} leads to ${hop.target === 'gateway' ? 'the gateway' : hop.target}`;
}

const tableInWords = ({
  vpc,
  subnet,
  table,
}: {
  readonly vpc: string;
  readonly subnet: string;
  readonly table: string | undefined;
}): string => (table === undefined ? `${vpc}, main table (subnet ${subnet})` : `${vpc}, table ${table}`);

/** How a way ends, in one sentence without a full stop. */
export function endInWords(end: End): string {
  switch (end.kind) {
    case 'delivered':
      return `it arrives in ${end.vpc}`;
    case 'left':
      return `it leaves by ${end.target}${end.vpc === undefined ? '' : ` of ${end.vpc}`}`;
    case 'no-way-out':
      return `it gets to ${end.vpc}, which declares no way out`;
    case 'no-route':
      return `${tableInWords(end)}, has no route for it`;
    case 'dead-route':
      return `route ${end.to} of table ${end.table} in ${end.vpc} leads to something that is gone`;
    case 'no-attachment':
      return `${end.vpc} has no attachment to the gateway`;
    case 'zone-without-attachment':
      return `the attachment of ${end.vpc} has no subnet in zone ${end.zone}: AWS lets nothing of that zone to the gateway`;
    case 'no-association':
      return `the attachment of ${end.vpc} is associated with no route table of the gateway`;
    case 'no-gateway-route':
      return `segment ${end.table} has no route for it`;
    case 'blackhole':
      return `segment ${end.table} drops it: blackhole ${end.to}`;
    case 'dead-gateway-route':
      return `route ${end.to} of segment ${end.table} leads to an attachment of ${end.attachment} that is gone`;
    case 'dropped':
      return `it comes into ${end.vpc} and no further: ${tableInWords(end)}, has no route for it`;
    case 'loop':
      return `it goes round between the gateway and ${listed([...new Set(end.cycle.flatMap((hop) => (hop.at === 'vpc' ? [hop.vpc] : [])))])}`;
    case 'cannot-tell':
      switch (end.why.reason) {
        case 'unread':
          return `it cannot be told: ${[end.why.vpc, end.why.table].filter((name) => name !== undefined).join(', table ')} was not read to its end, or is just changing`;
        case 'overlap':
          return `it cannot be told: in segment ${end.why.table} several VPCs have addresses of ${end.why.to}`;
        case 'zone':
          return `it cannot be told: AWS picks the zone that it comes in by, and the zones differ: ${end.why.ends.map(endInWords).join('; or ')}`;
        default:
          return end.why satisfies never;
      }
    default:
      return end satisfies never;
  }
}

export function findingInWords(finding: PathFinding | PathWarning): string {
  switch (finding.reason) {
    case 'loop': {
      const vpcs = [...new Set(finding.cycle.flatMap((hop) => (hop.at === 'vpc' ? [hop.vpc] : [])))];
      return `packets to ${listed(finding.to)} go round between the gateway and ${listed(vpcs)}. Add a blackhole for these addresses, or take the route back to the gateway away.`;
    }
    case 'one-way':
      return `${placesInWords(finding.from)} can send to ${placesInWords(finding.to)}, and nothing comes back: ${finding.missing.map(endInWords).join('; ')}.`;
    case 'blackholed-return':
      return `${placesInWords(finding.from)} can send to ${placesInWords(finding.to)}, and what comes back is dropped: ${finding.missing.map(endInWords).join('; ')}.`;
    case 'zone-without-attachment':
      return `tier ${finding.tier} of ${finding.vpc} has a subnet in zone ${finding.zone}, and the attachment has none there: AWS lets nothing from it to the gateway. Add a subnet of the attachment's tier in that zone.`;
    case 'unused-route':
      return `nothing that route ${finding.to} of tier ${finding.tier} in ${finding.vpc} sends to the gateway gets anywhere.`;
    case 'unused-gateway-route':
      return `no VPC sends anything over route ${finding.to} of segment ${finding.segment} to ${finding.vpc}.`;
    case 'unused-blackhole':
      return `blackhole ${finding.to} of segment ${finding.segment} drops nothing: longer routes have all of its addresses.`;
    default:
      return finding satisfies never;
  }
}

/** @param vpcs that there are */
export const noSuchPlace = (name: string, vpcs: readonly string[]): Problem => ({
  reason: 'no-such-place',
  message: `"${name}" is no VPC, tier or subnet of the network, and no address`,
  next: `Name a VPC (${listed(vpcs.slice(0, 10))}${vpcs.length > 10 ? ', …' : ''}), as in ${command('paths', vpcs[0] ?? 'VPC', internet)}; VPC.TIER; VPC.TIER.ZONE; an address; a block such as 10.0.0.0/8; or ${internet}.`,
});

export const noSubnetThere = (name: string, vpc: string): Problem => ({
  reason: 'no-subnet-there',
  message: `${name} is in the block of ${vpc}, and in none of its subnets`,
  next: 'Name an address of a subnet, or the VPC.',
});

export const fromOutside = (name: string): Problem => ({
  reason: 'from-outside',
  message: `no VPC has ${name}, and the network file declares no way in`,
  next: 'Name a VPC, a tier or an address of one first, and what is outside second.',
});

export const partlyRead = (what: string): string => `${what}: of the paths that need it, it cannot be told whether they are there.`;

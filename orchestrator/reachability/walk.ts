import type { Cidr } from '../domain/cidr.ts';
import { overlaps } from '../domain/cidr.ts';
import type { Prefixes } from './prefixes.ts';
import { listedRoutes } from './topology.ts';
import type { ListedRoute, SubnetTable, Topology, Vpc } from './topology.ts';

/** One look into a route table on the way. */
export type Hop =
  | {
      readonly at: 'vpc';
      readonly vpc: string;
      readonly subnet: string;
      readonly table: string | undefined;
      /** The destination that matched: a route's, or a block of the VPC itself. */
      readonly to: string;
      /** `local`, `gateway`, or the other thing by its name. */
      readonly target: string;
    }
  | {
      readonly at: 'gateway';
      readonly table: string;
      readonly to: string;
      readonly type: 'static' | 'propagated';
      readonly attachment: string;
    };

/** How the way of a packet ends. */
export type End =
  /** At home: in a VPC that has the address. */
  | { readonly kind: 'delivered'; readonly vpc: string }
  /** At something whose routes are not known: an internet gateway, a NAT gateway, an attachment by its id. */
  | { readonly kind: 'left'; readonly vpc: string | undefined; readonly target: string }
  /** In a VPC to which the gateway sends what no VPC has, and that declares no way on. Not broken: the file cannot say such a way yet. */
  | { readonly kind: 'no-way-out'; readonly vpc: string }
  | { readonly kind: 'no-route'; readonly vpc: string; readonly subnet: string; readonly table: string | undefined }
  /** The route's target is gone. */
  | { readonly kind: 'dead-route'; readonly vpc: string; readonly table: string; readonly to: string }
  | { readonly kind: 'no-attachment'; readonly vpc: string }
  | { readonly kind: 'zone-without-attachment'; readonly vpc: string; readonly zone: string; readonly subnet: string }
  | { readonly kind: 'no-association'; readonly vpc: string }
  | { readonly kind: 'no-gateway-route'; readonly table: string }
  | { readonly kind: 'blackhole'; readonly table: string; readonly to: string }
  /** A gateway route to an attachment that is not there any more: AWS drops what it matches. */
  | { readonly kind: 'dead-gateway-route'; readonly table: string; readonly to: string; readonly attachment: string }
  /** It came in by the attachment, and the table of the attachment's subnet has no route on. */
  | { readonly kind: 'dropped'; readonly vpc: string; readonly subnet: string; readonly table: string | undefined }
  /** Round and round; each hop once, from the first gateway table that it comes back to. */
  | { readonly kind: 'loop'; readonly cycle: readonly Hop[] }
  | { readonly kind: 'cannot-tell'; readonly why: Doubt };

export type Doubt =
  /** A part of AWS was not read, or AWS is just changing it. */
  | { readonly reason: 'unread'; readonly vpc?: string; readonly table?: string }
  /** AWS takes the blocks of one of two overlapping VPCs into a table, and does not say of which. */
  | { readonly reason: 'overlap'; readonly table: string; readonly to: string }
  /** AWS picks the zone in which it comes in, and the zones lead to different ends. */
  | { readonly reason: 'zone'; readonly ends: readonly End[] };

export interface Way {
  readonly hops: readonly Hop[];
  readonly end: End;
}

/** Whether a packet that ends so surely gets nowhere. */
export function isDropped({ kind }: End): boolean {
  return kind !== 'delivered' && kind !== 'left' && kind !== 'no-way-out' && kind !== 'cannot-tell';
}

interface SubnetMatches {
  /** By class; undefined where nothing matches. */
  readonly matches: readonly (SubnetTable['routes'][number] | undefined)[];
  readonly isUnread: boolean;
}

interface GatewayMatches {
  readonly matches: readonly (ListedRoute | undefined)[];
  /** Propagated routes whose blocks overlap one another's. */
  readonly disputed: ReadonlySet<ListedRoute>;
  readonly isUnread: boolean;
}

interface Frame {
  readonly key: number;
  readonly hops: readonly Hop[];
}

interface Walked {
  readonly ways: readonly Way[];
  /** The place on the path of the first frame that it came back to; the path's length where it came back to none. */
  readonly back: number;
}

/** The walks of packets over one topology, by class of destination. Each step over the gateway is walked once. */
export class Walk {
  readonly #topology: Topology;
  readonly #prefixes: Prefixes;
  readonly #isInside: readonly boolean[];
  readonly #subnetTables = new Map<string, SubnetMatches>();
  readonly #byTable = new Map<SubnetTable, SubnetMatches>();
  readonly #gatewayTables = new Map<string, GatewayMatches | undefined>();
  readonly #numbers: Map<string, number>;
  readonly #known: KnownSteps | undefined;
  readonly #entries = new Map<string, readonly End[]>();
  readonly #walked = new Map<number, readonly Way[]>();
  /** Steps over the gateway so far: what the whole costs, without a clock. */
  steps = 0;

  /** @param other over the same prefixes; what it has walked is not walked again where nothing on that way has changed */
  constructor(topology: Topology, prefixes: Prefixes, other?: Walk) {
    this.#topology = topology;
    this.#prefixes = prefixes;
    this.#numbers = other ? other.#numbers : new Map<string, number>();
    this.#known = other && knownSteps(other.#topology, topology, other.#walked);
    this.#isInside = prefixes.inside([...topology.vpcs.values()].flatMap(({ blocks }) => blocks));
  }

  /** The way of a packet of this class from a subnet. */
  from(vpcName: string, subnetName: string, to: number): Way {
    const vpc = this.#topology.vpcs.get(vpcName);
    if (vpc === undefined) throw new RangeError(`there is no VPC ${vpcName}`);
    return this.#leave(vpcName, vpc, subnetName, to, this.#localBlock(vpc, to));
  }

  /** How packets of each class end that leave a subnet, as if its VPC did not have the address: what subnets of one shape have in common. */
  endsBeyond(vpcName: string, subnetName: string): End[] {
    const vpc = this.#topology.vpcs.get(vpcName);
    const subnet = vpc?.subnets.get(subnetName);
    if (vpc === undefined || subnet === undefined) throw new RangeError(`there is no subnet ${vpcName} ${subnetName}`);
    const table = subnet.table === undefined ? undefined : this.#subnetMatches(vpc.tables.get(subnet.table));
    const gate = vpc.attachment?.subnets.has(subnet.zone) === true ? vpc.attachment.association : undefined;
    const entry = gate?.kind === 'table' ? this.#entryEnds(gate.table, subnet.zone) : undefined;
    return this.#prefixes.blocks.map((_, to) => {
      const end = table?.isUnread === false && table.matches[to]?.target.kind === 'gateway' ? entry?.[to] : undefined;
      return end ?? this.#leave(vpcName, vpc, subnetName, to, undefined).end;
    });
  }

  /** The ends of all classes from a gateway table and a zone. */
  #entryEnds(table: string, zone: string): readonly End[] {
    const key = `${table}\n${zone}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const ends = this.#prefixes.blocks.map((_, to) => oneOf(this.#enter(table, zone, to, []).ways).end);
    this.#entries.set(key, ends);
    return ends;
  }

  #leave(vpcName: string, vpc: Vpc, subnetName: string, to: number, local: Cidr | undefined): Way {
    const subnet = vpc.subnets.get(subnetName);
    if (subnet === undefined) throw new RangeError(`there is no subnet ${vpcName} ${subnetName}`);
    const step = this.#step(vpcName, vpc, subnetName, to, local);
    if (step.next === 'ends') return step.way;
    const { hop } = step;
    if (step.next === 'local') return { hops: [hop], end: { kind: 'delivered', vpc: vpcName } };
    const stopped = (end: End): Way => ({ hops: [hop], end });
    const { attachment } = vpc;
    if (attachment === undefined) return stopped({ kind: 'no-attachment', vpc: vpcName });
    if (!attachment.subnets.has(subnet.zone))
      return stopped({ kind: 'zone-without-attachment', vpc: vpcName, zone: subnet.zone, subnet: subnetName });
    if (attachment.association.kind === 'none') return stopped({ kind: 'no-association', vpc: vpcName });
    if (attachment.association.kind === 'unread') return stopped({ kind: 'cannot-tell', why: { reason: 'unread', vpc: vpcName } });
    const { ways } = this.#enter(attachment.association.table, subnet.zone, to, []);
    return behind([hop], oneOf(ways));
  }

  /** Text that is the same for subnets whose packets to any class outside their own VPCs end the same. */
  shapeOf(vpcName: string, subnetName: string): string {
    const vpc = this.#topology.vpcs.get(vpcName);
    return vpc === undefined ? '' : shapeIn(vpc, subnetName);
  }

  /** Whether the subnet's own table has a way out of the VPC beside the gateway. */
  leavesBy(vpcName: string, subnetName: string): boolean {
    const vpc = this.#topology.vpcs.get(vpcName);
    const table = vpc?.subnets.get(subnetName)?.table;
    return (table === undefined ? undefined : vpc?.tables.get(table))?.routes.some(({ target }) => target.kind === 'other') ?? false;
  }

  /** A packet that the gateway has to route by this table, and that came in in this zone. */
  #enter(tableName: string, zone: string, to: number, path: readonly Frame[]): Walked {
    const key = (this.#numberOf(`${tableName}\n${zone}`) + 1) * (this.#prefixes.blocks.length + 1) + to + 1;
    const known = this.#walked.get(key);
    if (known) return { ways: known, back: path.length };
    const met = path.findIndex((frame) => frame.key === key);
    if (met >= 0) return { ways: [{ hops: [], end: { kind: 'loop', cycle: path.slice(met).flatMap(({ hops }) => hops) } }], back: met };
    const before = this.#known?.stepAt(key, tableName);
    if (before) {
      this.#walked.set(key, before);
      return { ways: before, back: path.length };
    }
    this.steps += 1;
    const walked = this.#walkOn(tableName, zone, to, key, path);
    // Of what comes back to an earlier frame, the rest of the circle is on the path, and not here.
    if (walked.back >= path.length) this.#walked.set(key, walked.ways);
    return walked;
  }

  #walkOn(tableName: string, zone: string, to: number, key: number, path: readonly Frame[]): Walked {
    const ends = (end: End, hops: readonly Hop[] = []): Walked => ({ ways: [{ hops, end }], back: path.length });
    const table = this.#gatewayMatches(tableName);
    // A table that is not among those of the topology is somebody else's.
    if (table === undefined || table.isUnread) return ends({ kind: 'cannot-tell', why: { reason: 'unread', table: tableName } });
    const route = table.matches[to];
    if (route === undefined) return ends({ kind: 'no-gateway-route', table: tableName });
    const destination = route.to.text;
    if (route.type === 'blackhole') return ends({ kind: 'blackhole', table: tableName, to: destination });
    if (table.disputed.has(route)) return ends({ kind: 'cannot-tell', why: { reason: 'overlap', table: tableName, to: destination } });
    const hop: Hop = { at: 'gateway', table: tableName, to: destination, type: route.type, attachment: route.attachment };
    const vpc = this.#topology.vpcs.get(route.attachment);
    if (vpc === undefined) return ends({ kind: 'left', vpc: undefined, target: route.attachment }, [hop]);
    const { attachment } = vpc;
    if (attachment === undefined)
      return ends({ kind: 'dead-gateway-route', table: tableName, to: destination, attachment: route.attachment });

    const ways: Way[] = [];
    let back = path.length;
    for (const arrival of zonesOfArrival(attachment, zone)) {
      const { ways: further, back: met } = this.#arrive(route.attachment, vpc, arrival, to, [...path, { key, hops: [hop] }]);
      ways.push(...further.map((way) => behind([hop], way)));
      back = Math.min(back, met);
    }
    if (ways.length === 0) return ends({ kind: 'cannot-tell', why: { reason: 'unread', vpc: route.attachment } }, [hop]);
    return { ways: distinct(ways), back };
  }

  /** A packet that comes into a VPC by the attachment's subnet in this zone. */
  #arrive(vpcName: string, vpc: Vpc, zone: string, to: number, path: readonly Frame[]): Walked {
    const ends = (way: Way): Walked => ({ ways: [way], back: path.length });
    const subnet = vpc.attachment?.subnets.get(zone);
    if (subnet === undefined || vpc.attachment === undefined) throw new RangeError(`${vpcName} has no attachment in zone ${zone}`);
    const step = this.#step(vpcName, vpc, subnet, to, this.#localBlock(vpc, to));
    if (step.next === 'ends') {
      const { end } = step.way;
      if (end.kind !== 'no-route') return ends(step.way);
      const isOutside = to < 0 || this.#isInside[to] === false;
      return ends({ hops: [], end: isOutside ? { kind: 'no-way-out', vpc: vpcName } : { ...end, kind: 'dropped' } });
    }
    const { hop } = step;
    if (step.next === 'local') return ends({ hops: [hop], end: { kind: 'delivered', vpc: vpcName } });
    const { association } = vpc.attachment;
    if (association.kind === 'none') return ends({ hops: [hop], end: { kind: 'no-association', vpc: vpcName } });
    if (association.kind === 'unread') return ends({ hops: [hop], end: { kind: 'cannot-tell', why: { reason: 'unread', vpc: vpcName } } });
    const last = path.at(-1);
    const extended = last === undefined ? path : [...path.slice(0, -1), { ...last, hops: [...last.hops, hop] }];
    const { ways, back } = this.#enter(association.table, zone, to, extended);
    return { ways: ways.map((way) => behind([hop], way)), back };
  }

  /** What the table of a subnet does with a packet. The VPC's own blocks win over every route that is not more specific. */
  #step(
    vpcName: string,
    vpc: Vpc,
    subnetName: string,
    to: number,
    local: Cidr | undefined,
  ): { readonly next: 'local' | 'gateway'; readonly hop: Hop } | { readonly next: 'ends'; readonly way: Way } {
    const name = vpc.subnets.get(subnetName)?.table;
    const table = name === undefined ? undefined : this.#subnetMatches(vpc.tables.get(name));
    if (table?.isUnread)
      return {
        next: 'ends',
        way: { hops: [], end: { kind: 'cannot-tell', why: { reason: 'unread', vpc: vpcName, ...(name && { table: name }) } } },
      };
    const route = table?.matches[to];
    const hopTo = (destination: Cidr, target: string): Hop => ({
      at: 'vpc',
      vpc: vpcName,
      subnet: subnetName,
      table: name,
      to: destination.text,
      target,
    });
    if (local !== undefined && (route === undefined || route.to.prefixLength <= local.prefixLength))
      return { next: 'local', hop: hopTo(local, 'local') };
    if (route === undefined || name === undefined)
      return { next: 'ends', way: { hops: [], end: { kind: 'no-route', vpc: vpcName, subnet: subnetName, table: name } } };
    const { target } = route;
    switch (target.kind) {
      case 'gateway':
        return { next: 'gateway', hop: hopTo(route.to, 'gateway') };
      case 'other':
        return {
          next: 'ends',
          way: { hops: [hopTo(route.to, target.name)], end: { kind: 'left', vpc: vpcName, target: target.name } },
        };
      case 'blackhole':
        return { next: 'ends', way: { hops: [], end: { kind: 'dead-route', vpc: vpcName, table: name, to: route.to.text } } };
      default:
        return target satisfies never;
    }
  }

  #localBlock({ blocks }: Vpc, to: number): Cidr | undefined {
    if (to < 0) return undefined;
    const { first, last } = this.#prefixes.at(to);
    return blocks.find((block) => block.first <= first && last <= block.last);
  }

  #subnetMatches(table: SubnetTable | undefined): SubnetMatches | undefined {
    if (table === undefined) return undefined;
    const known = this.#byTable.get(table);
    if (known) return known;
    // Most VPCs of a network have tables of the same few contents.
    const content = contentOf(table);
    const matches = this.#subnetTables.get(content) ?? {
      matches: this.#longest(table.routes, (one) => one),
      isUnread: table.unread === true,
    };
    this.#subnetTables.set(content, matches);
    this.#byTable.set(table, matches);
    return matches;
  }

  #gatewayMatches(name: string): GatewayMatches | undefined {
    if (this.#gatewayTables.has(name)) return this.#gatewayTables.get(name);
    const table = this.#topology.gatewayTables.get(name);
    const routes = table === undefined ? [] : listedRoutes(this.#topology, table);
    // Of one destination, a static route or a blackhole wins.
    const matches = this.#longest(routes, (a, b) => (a.type === 'propagated' ? b : a));
    const made = table && { matches, disputed: disputedRoutes(routes), isUnread: table.unread === true };
    this.#gatewayTables.set(name, made);
    return made;
  }

  /** The longest match of each class. */
  #longest<Route extends { readonly to: Cidr }>(routes: readonly Route[], better: (a: Route, b: Route) => Route): (Route | undefined)[] {
    const own = new Map<number, Route>();
    for (const route of routes) {
      const index = this.#prefixes.indexOf(route.to);
      const other = own.get(index);
      own.set(index, other === undefined ? route : better(other, route));
    }
    const matches: (Route | undefined)[] = [];
    for (let index = 0; index < this.#prefixes.blocks.length; index += 1)
      matches.push(own.get(index) ?? matches[this.#prefixes.parentOf(index)]);
    return matches;
  }

  #numberOf(name: string): number {
    const number = this.#numbers.get(name) ?? this.#numbers.size;
    this.#numbers.set(name, number);
    return number;
  }
}

interface KnownSteps {
  readonly stepAt: (key: number, table: string) => readonly Way[] | undefined;
}

/** What was walked in another topology and holds in this one: all tables and VPCs on the way are the same. Undefined where the VPCs have other addresses. */
function knownSteps(other: Topology, topology: Topology, walked: ReadonlyMap<number, readonly Way[]>): KnownSteps | undefined {
  const changed = new Set<string>();
  for (const name of new Set([...other.vpcs.keys(), ...topology.vpcs.keys()])) {
    const [was, is] = [other.vpcs.get(name), topology.vpcs.get(name)];
    if (was === is) continue;
    // Then what tables learn is another thing, and so is what is outside.
    if (was?.blocks !== is?.blocks || (was?.attachment === undefined) !== (is?.attachment === undefined)) return undefined;
    changed.add(name);
  }
  const isSameTable = (name: string): boolean => other.gatewayTables.get(name) === topology.gatewayTables.get(name);
  const holds = (hop: Hop): boolean => (hop.at === 'vpc' ? !changed.has(hop.vpc) : isSameTable(hop.table) && !changed.has(hop.attachment));
  const isKept = ({ hops, end }: Way): boolean => {
    if (!hops.every(holds)) return false;
    switch (end.kind) {
      case 'loop':
        return end.cycle.every(holds);
      case 'no-gateway-route':
      case 'blackhole':
      case 'dead-gateway-route':
        return isSameTable(end.table);
      case 'cannot-tell':
        return false;
      default:
        // In a VPC to which the last hop leads.
        return true;
    }
  };
  return {
    stepAt: (key, table) => {
      const ways = isSameTable(table) ? walked.get(key) : undefined;
      return ways?.every(isKept) === true ? ways : undefined;
    },
  };
}

const behind = (hops: readonly Hop[], way: Way): Way => ({ hops: [...hops, ...way.hops], end: way.end });

const contents = new WeakMap<SubnetTable, string>();

/** Text that is the same for tables of the same routes. */
function contentOf(table: SubnetTable | undefined): string {
  if (table === undefined) return '';
  const known = contents.get(table);
  if (known !== undefined) return known;
  const routes = table.routes.map(({ to, target }) => `${to.text} ${target.kind} ${target.kind === 'other' ? target.name : ''}`);
  const content = `${table.unread ? '?' : ''}${routes.sort().join(',')}`;
  contents.set(table, content);
  return content;
}

/** A packet stays in its zone where the VPC has a subnet of the attachment there. Otherwise, and in appliance mode, AWS picks one. */
function zonesOfArrival({ subnets, applianceMode }: NonNullable<Vpc['attachment']>, zone: string): readonly string[] {
  return subnets.has(zone) && !applianceMode ? [zone] : [...subnets.keys()];
}

const shapes = new WeakMap<Vpc, Map<string, string>>();

function shapeIn(vpc: Vpc, name: string): string {
  const known = shapes.get(vpc) ?? new Map<string, string>();
  shapes.set(vpc, known);
  let shape = known.get(name);
  if (shape === undefined) {
    const { attachment, subnets, tables } = vpc;
    const subnet = subnets.get(name);
    const table = subnet?.table === undefined ? undefined : tables.get(subnet.table);
    const content = contentOf(table);
    const gate = subnet && attachment?.subnets.has(subnet.zone) === true ? attachment.association : undefined;
    const by = gate?.kind === 'table' ? `${gate.table}\n${subnet?.zone ?? ''}` : (gate?.kind ?? '');
    shape = `${by}\n${content}`;
    known.set(name, shape);
  }
  return shape;
}

/** AWS leaves out the blocks of the VPC that came later, and a topology does not know which that was. */
function disputedRoutes(routes: readonly ListedRoute[]): ReadonlySet<ListedRoute> {
  const propagated = routes.flatMap((route) => (route.type === 'propagated' ? [route] : [])).sort((a, b) => a.to.first - b.to.first);
  const disputed = new Set<ListedRoute>();
  for (const [index, route] of propagated.entries())
    for (let next = index + 1; next < propagated.length; next += 1) {
      const other = propagated[next];
      if (other === undefined || !overlaps(route.to, other.to)) break;
      if (other.attachment !== route.attachment) disputed.add(route).add(other);
    }
  return disputed;
}

/** What tells one end from another. In which zone it ended is no difference. */
const endKey = (end: End): string => {
  switch (end.kind) {
    case 'cannot-tell':
      return 'cannot-tell';
    case 'loop':
      return 'loop';
    case 'dropped':
    case 'no-way-out':
    case 'delivered':
      return `${end.kind} ${end.vpc}`;
    default:
      return JSON.stringify(end);
  }
};

const distinct = (ways: readonly Way[]): readonly Way[] =>
  ways.length === 1 ? ways : [...new Map(ways.map((way) => [endKey(way.end), way])).values()];

/** Where the zone that AWS picks decides, one cannot tell, unless no zone leads anywhere. */
function oneOf(ways: readonly Way[]): Way {
  const [first, ...others] = distinct(ways);
  if (first === undefined) throw new RangeError('a packet has no way at all');
  if (others.length === 0 || [first, ...others].every(({ end }) => isDropped(end))) return first;
  return { hops: [], end: { kind: 'cannot-tell', why: { reason: 'zone', ends: [first, ...others].map(({ end }) => end) } } };
}

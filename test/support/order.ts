import type { LabMoment } from '../../lab/control.ts';
import { buildGraph } from '../../orchestrator/graph/graph.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import { topologyOf } from '../../orchestrator/reachability/from-network.ts';
import { changeOf } from '../../orchestrator/reachability/from-steps.ts';
import { applied } from '../../orchestrator/reachability/topology.ts';
import type { Topology } from '../../orchestrator/reachability/topology.ts';
import { carriedOut } from '../../orchestrator/run/effects.ts';
import { kinds } from '../../stacks/index.ts';
import { planEdit } from '../unit/support/edit-planner.ts';
import { recordedTopologies } from './traffic.ts';

/** What calls do to what packets meet. One that does nothing to it is left out. */
export interface Order {
  readonly planned: readonly PlannedPass[];
  readonly recorded: readonly RecordedCall[];
}

interface PlannedPass {
  /** As in `+ association staging -> production`. What two stacks do at once is in no order. */
  readonly stacks: readonly { readonly stack: string; readonly does: readonly string[] }[];
  /** What there is after it. */
  readonly end: string;
  /** Whether the new one of something comes before the old one goes: with two of one name, a plan says only what there is in the end. */
  readonly hasTwoOfOne: boolean;
}

interface RecordedCall {
  readonly does: string;
  /** What there is after it. */
  readonly end: string;
}

/** The order that graph, kinds and passes give an edit, without an engine; and the order that the lab recorded of it. */
export async function orderOf(before: NetworkSpec, after: NetworkSpec, moments: readonly LabMoment[]): Promise<Order> {
  const { recorded, toVersions } = recordedTopologies(moments, after);
  const graph = graphOf(after);
  const { deployed } = await planEdit(graphOf(before));
  const { plans: stacks } = await planEdit(graph, deployed);
  const [from, wanted] = [topologyOf(before), topologyOf(after)];
  const { steps } = carriedOut({ stacks, graph, kinds, before: from, wanted });
  const twice = new Set(
    stacks.flatMap(({ short, changes }) =>
      changes.flatMap(({ op, name, deletesFirst }) => (op === 'replace' && deletesFirst !== true ? [`${short}/${name}`] : [])),
    ),
  );
  const planned: { stacks: { readonly stack: string; readonly does: string[] }[]; end: string; hasTwoOfOne: boolean }[] = [];
  let [now, pass] = [from, -1];
  for (const step of steps) {
    const change = changeOf(step, now, wanted);
    const next = change === undefined ? now : applied(now, change);
    const does = between(toVersions(now), toVersions(next));
    now = next;
    if (does === undefined) continue;
    if (step.pass !== pass) planned.push({ stacks: [], end: '', hasTwoOfOne: false });
    pass = step.pass;
    const current = planned.at(-1);
    if (!current) continue;
    const [stack = ''] = step.label.split('/');
    const own = current.stacks.find((each) => each.stack === stack);
    if (own) own.does.push(does);
    else current.stacks.push({ stack, does: [does] });
    current.end = textOf(toVersions(now));
    current.hasTwoOfOne ||= twice.has(step.label);
  }
  return {
    planned,
    recorded: recorded.flatMap((topology, index) => {
      const does = between(recorded[index - 1] ?? topology, topology);
      return does === undefined ? [] : [{ does, end: textOf(topology) }];
    }),
  };
}

/**
 * Whether the recorded calls are the planned ones: pass after pass, and in each pass what each stack does in its order, but for what does not stand on one
 * another, which the engine does at once.
 * @returns what is not so
 */
export function outOfOrder({ planned, recorded }: Order): readonly string[] {
  let left = [...recorded];
  for (const [index, { stacks, end, hasTwoOfOne }] of planned.entries()) {
    const pass = `pass ${index + 1}`;
    if (hasTwoOfOne) {
      const last = left.findIndex((call) => call.end === end);
      if (last === -1) return [`${pass} comes to this, and there was no such moment: ${end}`];
      left = left.slice(last + 1);
      continue;
    }
    const due = stacks.map(({ does }): string[] => [...does]);
    for (let count = due.flat().length; count > 0; count -= 1) {
      const call = left.shift()?.does;
      const next = due.map((does) => does.filter((each, at) => does.slice(0, at).every((earlier) => !isBound(earlier, each))));
      const stack = next.findIndex((does) => call !== undefined && does.includes(call));
      if (call === undefined || stack === -1) return [`${pass}: ${call ?? 'no call'}, and not ${next.flat().join(', or ')}`];
      const own: string[] = due[stack] ?? [];
      own.splice(own.indexOf(call), 1);
    }
  }
  return left.map(({ does }) => `after the last pass: ${does}`);
}

/** Whether the engine does one of two steps of a stack only after the other one. */
function isBound(one: string, other: string): boolean {
  if (one.slice(0, 1) !== other.slice(0, 1)) return true;
  const kinds = [one, other].map((step): string | undefined => kindsOfSteps.find((kind) => step.slice(2).startsWith(`${kind} `)));
  if (kinds[0] === kinds[1]) return false;
  if (kinds.includes('VPC') || !kinds.some((kind) => kind?.startsWith('subnet'))) return true;
  if (kinds.includes('attachment') && kinds.includes('subnet association')) return false;
  const blocks = [one, other].map((step): readonly string[] => step.match(/\d+(?:\.\d+){3}\/\d+/g) ?? []);
  return blocks[0]?.some((block) => blocks[1]?.includes(block)) === true;
}

const kindsOfSteps = [
  'VPC',
  'subnet association',
  'subnet',
  'attachment',
  'association',
  'propagation',
  'gateway route',
  'gateway table',
  'route',
];

function graphOf(spec: NetworkSpec) {
  const graph = buildGraph(spec, kinds);
  if (!graph.ok) throw new Error(JSON.stringify(graph.problems));
  return graph.value;
}

function between(one: Topology, other: Topology): string | undefined {
  const [was, is] = [factsOf(one), factsOf(other)];
  const gone = [...was].filter((fact) => !is.has(fact)).map((fact) => `- ${fact}`);
  const come = [...is].filter((fact) => !was.has(fact)).map((fact) => `+ ${fact}`);
  const all = [...gone.sort(), ...come.sort()];
  return all.length === 0 ? undefined : all.join(', ');
}

const textOf = (topology: Topology): string => [...factsOf(topology)].sort().join(', ');

function factsOf({ vpcs, gatewayTables }: Topology): ReadonlySet<string> {
  const facts = new Set<string>();
  for (const [name, { blocks, subnets, tables, attachment }] of vpcs) {
    facts.add(`VPC ${name} (${blocks.map(({ text }) => text).join(', ')})`);
    for (const [subnet, { table }] of subnets) {
      facts.add(`subnet ${name} ${subnet}`);
      // A subnet that has none of ours has the main one of its VPC, which an inventory names by its id.
      if (table !== undefined && tables.has(table) && !table.startsWith('rtb-'))
        facts.add(`subnet association ${name} ${subnet} -> ${table}`);
    }
    for (const [table, { routes }] of tables)
      for (const { to, target } of routes) facts.add(`route ${name} ${table} ${to.text} -> ${target.kind}`);
    if (attachment === undefined) continue;
    facts.add(`attachment ${name}`);
    for (const [zone, subnet] of attachment.subnets) facts.add(`attachment ${name} in ${zone} by ${subnet}`);
    if (attachment.association.kind === 'table') facts.add(`association ${name} -> ${attachment.association.table}`);
  }
  for (const [name, { routes, propagations }] of gatewayTables) {
    facts.add(`gateway table ${name}`);
    for (const { to, attachment } of routes) facts.add(`gateway route ${name} ${to.text} -> ${attachment ?? 'blackhole'}`);
    for (const vpc of propagations) facts.add(`propagation ${vpc} -> ${name}`);
  }
  return facts;
}

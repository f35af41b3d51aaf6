import { isDeepStrictEqual } from 'node:util';
import { tokens } from '../../../orchestrator/aws/resource-types/tokens.ts';
import type { Graph, StackNode } from '../../../orchestrator/graph/graph.ts';
import { stackProgram } from '../../../orchestrator/pulumi/program.ts';
import { playProgram } from '../../../orchestrator/pulumi/read-program.ts';
import type { DeclaredResource } from '../../../orchestrator/pulumi/read-program.ts';
import { noChanges } from '../../../orchestrator/run/events.ts';
import type { PlannedChange, StackPlan } from '../../../orchestrator/run/events.ts';

/**
 * What the engine would plan for an edit, without an engine: the real programs are played, and what they declare is compared with what was deployed. Which
 * properties cannot be changed in place is AWS's and the provider's (`replacedBy`).
 */
export type Deployed = ReadonlyMap<string, DeployedStack>;

interface DeployedStack {
  readonly resources: ReadonlyMap<string, DeployedResource>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

interface DeployedResource extends DeclaredResource {
  readonly id: string;
}

export interface PlannedEdit {
  readonly plans: readonly StackPlan[];
  readonly deployed: Deployed;
}

/** By type, the properties whose change makes another resource. */
const replacedBy: Readonly<Record<string, readonly string[]>> = {
  [tokens.gatewayTable]: ['transitGatewayId'],
  [tokens.gatewayRoute]: ['transitGatewayRouteTableId', 'destinationCidrBlock', 'transitGatewayAttachmentId', 'blackhole'],
  [tokens.attachment]: ['transitGatewayId', 'vpcId'],
  [tokens.association]: ['transitGatewayAttachmentId', 'transitGatewayRouteTableId'],
  [tokens.propagation]: ['transitGatewayAttachmentId', 'transitGatewayRouteTableId'],
  [tokens.vpc]: ['cidrBlock'],
  [tokens.subnet]: ['vpcId', 'cidrBlock', 'availabilityZone'],
  [tokens.routeTable]: ['vpcId'],
  [tokens.route]: ['routeTableId', 'destinationCidrBlock'],
  [tokens.subnetAssociation]: ['subnetId'],
};

/** Of which AWS takes one at a time, so that their programs delete the old one first. */
const oneAtATime: readonly string[] = [tokens.association, tokens.propagation, tokens.gatewayRoute];

/** What has left the graph is taken away. */
export async function planEdit(graph: Graph, before: Deployed = new Map()): Promise<PlannedEdit> {
  const deployed = new Map<string, DeployedStack>();
  const plans: StackPlan[] = [];
  for (const node of graph.nodes) {
    const { resources, outputs } = await declared(node, deployed);
    const was = before.get(node.name);
    const changes: PlannedChange[] = [];
    /** From the id that the played program gave to the one that there is, or will be. */
    const ids = new Map<string, string>();
    const now = new Map<string, DeployedResource>();
    for (const { type, name, inputs } of resources) {
      const resolved = resolve(inputs, ids) as Readonly<Record<string, unknown>>;
      const old = was?.resources.get(name);
      const changed = old === undefined ? [] : differing(old.inputs, resolved);
      const isReplaced = changed.some((key) => replacedBy[type]?.includes(key));
      const id = old === undefined ? `${forms[type] ?? 'id'}-${node.name}/${name}` : isReplaced ? `${old.id}'` : old.id;
      ids.set(playedId(type, node, name), id);
      now.set(name, { type, name, inputs: resolved, id });
      if (old === undefined || changed.length > 0)
        changes.push(changeOf(type, name, old === undefined ? 'create' : isReplaced ? 'replace' : 'update', changed));
    }
    const gone = [...(was?.resources.values() ?? [])].filter(({ name }) => !now.has(name)).reverse();
    changes.push(...gone.map(({ type, name }) => changeOf(type, name, 'delete', [])));
    const own: DeployedStack = { resources: now, outputs: resolve(outputs, ids) as Readonly<Record<string, unknown>> };
    deployed.set(node.name, own);
    const hasChanges = was === undefined || changes.length > 0 || !isDeepStrictEqual(was.outputs, own.outputs);
    plans.push({ stack: node.name, short: node.short, exists: was !== undefined, hasChanges, counts: noChanges, changes });
  }
  for (const [stack, { resources }] of before) {
    if (graph.byName.has(stack)) continue;
    const changes = [...resources.values()].reverse().map(({ type, name }) => changeOf(type, name, 'delete', []));
    const short = stack.slice(stack.indexOf('.') + 1);
    plans.push({ stack, short, exists: true, leaves: true, hasChanges: true, counts: noChanges, changes });
  }
  return { plans, deployed };
}

function changeOf(type: string, name: string, op: PlannedChange['op'], changed: readonly string[]): PlannedChange {
  const deletesFirst = op === 'replace' && oneAtATime.includes(type);
  return { op, urn: `${type}::${name}`, type, name, changed, replacing: [], ...(deletesFirst ? { deletesFirst } : {}) };
}

const differing = (one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): string[] =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((key) => !isDeepStrictEqual(one[key], other[key]));

function resolve(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return ids.get(value) ?? value;
  if (Array.isArray(value)) return value.map((each) => resolve(each, ids));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each, ids)]));
}

interface Declared {
  readonly resources: readonly DeclaredResource[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** A program of the same inputs that reads the same declares the same: it is played once. */
const known = new Map<string, Promise<Declared>>();

function declared(node: StackNode, deployed: Deployed): Promise<Declared> {
  const upstreams = node.references.map(({ stack }) => [stack, deployed.get(stack)?.outputs]);
  const key = JSON.stringify([node.name, node.inputs, node.references, upstreams]);
  const found = known.get(key) ?? play(node, deployed);
  known.set(key, found);
  return found;
}

/** Of a form that each output takes. */
const forms: Readonly<Record<string, string>> = {
  [tokens.gateway]: 'tgw',
  [tokens.gatewayTable]: 'tgw-rtb',
  [tokens.attachment]: 'tgw-attach',
  [tokens.vpc]: 'vpc',
  [tokens.subnet]: 'subnet',
  [tokens.routeTable]: 'rtb',
};

const playedId = (type: string, { name: stack }: StackNode, name: string): string => `${forms[type] ?? 'id'}-played-${stack}/${name}`;

async function play(node: StackNode, deployed: Deployed): Promise<Declared> {
  const resources: DeclaredResource[] = [];
  const outputs: Record<string, unknown> = {};
  const program = stackProgram(
    node,
    { project: 'holdfast', network: 'example', account: '111122223333', region: 'eu-west-1', installation: 'i', tags: {}, ignoreTags: [] },
    (stack) => ({ exists: false, previewed: deployed.get(stack)?.outputs ?? {} }),
    (name, value, key) => {
      outputs[name] = key === undefined ? value : { ...(outputs[name] as object), [key]: value };
    },
  );
  const errors = await playProgram(program, { project: 'holdfast', stack: node.name }, (resource) => {
    if (resource.type.startsWith('pulumi:')) return 'provider';
    resources.push(resource);
    return playedId(resource.type, node, resource.name);
  });
  if (errors.length > 0) throw new Error(`${node.name}: ${errors.join('; ')}`);
  return { resources, outputs };
}

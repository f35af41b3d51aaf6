import type { LiveObject } from '../../../orchestrator/inventory/live-object.ts';
import { objectKey } from '../../../orchestrator/inventory/live-object.ts';
import type { RecoveryType } from '../../../orchestrator/recovery/examine.ts';
import { readHistory } from '../../../orchestrator/recovery/history.ts';
import type { CheckpointVersion } from '../../../orchestrator/recovery/history.ts';
import { Looks } from '../../../orchestrator/recovery/looks.ts';
import type { Look } from '../../../orchestrator/recovery/looks.ts';
import { subjectsOf } from '../../../orchestrator/recovery/subjects.ts';
import type { Evidence, Subject, TrailWord } from '../../../orchestrator/recovery/subjects.ts';
import { readDeployment, resourceOf } from '../../../orchestrator/state/deployment.ts';
import type { Deployment, OperationType, RawResource } from '../../../orchestrator/state/deployment.ts';

/** What recovery works on, in few words: checkpoints, looks, evidence. */

export const stack = 'example.vpc.a';
export const short = 'vpc.a';
export const installation = 'ours';

export const types = {
  vpc: 'aws:ec2/vpc:Vpc',
  subnet: 'aws:ec2/subnet:Subnet',
  /** Told by its key, of which the provider makes its id. */
  route: 'aws:ec2/route:Route',
  /** Told by its key, under an id of AWS's own. */
  association: 'aws:ec2/routeTableAssociation:RouteTableAssociation',
  /** Is in a VPC, and on a gateway. */
  attachment: 'aws:ec2transitgateway/vpcAttachment:VpcAttachment',
  gateway: 'aws:ec2transitgateway/transitGateway:TransitGateway',
  /** Has no row in the table of types. */
  topic: 'aws:sns/topic:Topic',
} as const;

export const urnOf = (name: string, type: string = types.vpc): string => `urn:pulumi:${stack}::holdfast::${type}::${name}`;

const textsOf = (properties: Readonly<Record<string, unknown>>, ...names: readonly string[]): string[] | undefined => {
  const texts = names.map((name) => properties[name]);
  return texts.every((text) => typeof text === 'string' && text !== '') ? (texts as string[]) : undefined;
};

const byTag = (prefix: string): RecoveryType => ({
  by: 'tag',
  keyOf: undefined,
  idOf: undefined,
  isId: (id) => id.startsWith(`${prefix}-`),
  containersOf: ({ vpcId }) => (typeof vpcId === 'string' ? [{ type: types.vpc, id: vpcId }] : []),
});

const table: Readonly<Record<string, RecoveryType>> = {
  [types.vpc]: byTag('vpc'),
  [types.subnet]: byTag('subnet'),
  [types.gateway]: byTag('tgw'),
  [types.attachment]: {
    ...byTag('tgw-attach'),
    containersOf: ({ vpcId, transitGatewayId }) => [
      { type: types.vpc, id: String(vpcId) },
      { type: types.gateway, id: String(transitGatewayId) },
    ],
  },
  [types.route]: {
    by: 'key',
    keyOf: (properties) => textsOf(properties, 'routeTableId', 'destinationCidrBlock')?.join(' '),
    idOf: (properties) => {
      const key = textsOf(properties, 'routeTableId', 'destinationCidrBlock');
      return key && `r-${key.join('_')}`;
    },
    isId: (id) => id.startsWith('r-'),
    containersOf: () => [],
  },
  [types.association]: {
    by: 'key',
    keyOf: (properties) => textsOf(properties, 'routeTableId', 'subnetId')?.join(' '),
    idOf: () => undefined,
    isId: (id) => id.startsWith('rtbassoc-'),
    containersOf: () => [],
  },
};

/** A small table of types, as recovery asks it. */
export const typeOf = (token: string): RecoveryType | undefined => table[token];

export interface Recorded {
  readonly type?: string;
  /** Absent, or empty as the engine writes it: it has none yet. */
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** A resource as a checkpoint has it. */
export const raw = (name: string, { type = types.vpc, ...more }: Recorded = {}): RawResource => ({
  urn: urnOf(name, type),
  type,
  custom: true,
  ...more,
});

/** What a program asks for that is told by its tags. */
export const taggedInputs = (name: string): { readonly tags: Record<string, string> } => ({ tags: tagsOf(name) });

export const stackUrn = urnOf('a', 'pulumi:pulumi:Stack');
export const root: RawResource = { urn: stackUrn, type: 'pulumi:pulumi:Stack' };
export const providerUrn = urnOf('default', 'pulumi:providers:aws');
export const provider: RawResource = { urn: providerUrn, type: 'pulumi:providers:aws', custom: true, id: 'p1' };
/** As a resource names it. */
export const providerRef = `${providerUrn}::p1`;

export interface Pending {
  readonly type: OperationType;
  readonly resource: RawResource;
}

/** A create of which nothing else is said asks for its tags, as the programs of all kinds do. */
export const pending = (type: OperationType, resource: RawResource): Pending => ({
  type,
  resource:
    type === 'creating' && resource.inputs === undefined && typeOf(resource.type)?.by === 'tag'
      ? { ...resource, inputs: taggedInputs(resource.urn.split('::').at(-1) ?? '') }
      : resource,
});

/** The text of a checkpoint. */
export const bodyOf = (resources: readonly RawResource[] = [], operations: readonly Pending[] = [], more: object = {}): string =>
  JSON.stringify({ version: 3, checkpoint: { stack, latest: { resources, pending_operations: operations, ...more } } });

export function readBody(body: string) {
  const read = readDeployment(body);
  if (!read.ok) throw new Error(read.why);
  return read;
}

export const deploymentOf = (resources: readonly RawResource[] = [], operations: readonly Pending[] = []): Deployment =>
  readBody(bodyOf(resources, operations)).deployment;

/** Named `v1` and on; undefined where the stack was removed. */
export const versionsOf = (...deployments: readonly (Deployment | undefined)[]): CheckpointVersion[] =>
  deployments.map((deployment, index) => ({ version: `v${index + 1}`, deployment: deployment ?? { resources: [], operations: [] } }));

export const tagsOf = (resource: string, ofStack = stack, of = installation): Record<string, string> => ({
  'holdfast:installation': of,
  'holdfast:stack': ofStack,
  'holdfast:resource': resource,
});

/** An object that AWS has, with nothing that says whose it is. */
export function object(id: string, more: Partial<LiveObject> = {}): LiveObject {
  const type = more.type ?? types.vpc;
  const properties = more.properties ?? {};
  return {
    type,
    id,
    phase: 'there',
    properties,
    tags: typeOf(type)?.by === 'tag' ? {} : undefined,
    key: typeOf(type)?.keyOf?.(properties),
    refersTo: [],
    madeBy: 'somebody',
    ...more,
  };
}

/** One that bears the stack's tags. */
export const tagged = (id: string, name: string, more: Partial<LiveObject> = {}): LiveObject => object(id, { tags: tagsOf(name), ...more });

export const stalenessMs = 30_000;

export const ofEveryType = (): number => stalenessMs;

export interface LookOptions {
  readonly atMs?: number;
  /** What was looked up by its id. */
  readonly asked?: readonly { readonly type: string; readonly id: string }[];
  readonly incomplete?: readonly string[];
}

export const lookOf = (objects: readonly LiveObject[], { atMs = 0, asked = [], incomplete = [] }: LookOptions = {}): Look => ({
  inventory: { from: atMs, until: atMs + 1, objects, incomplete },
  ids: new Set(asked.map(objectKey)),
});

/** What every id that a checkpoint ever had is asked by. */
const idsIn = (deployments: readonly (Deployment | undefined)[]): { type: string; id: string }[] =>
  deployments.flatMap((deployment) =>
    [...(deployment?.resources ?? []), ...(deployment?.operations ?? []).map(({ resource }) => resource)].flatMap(
      ({ type, id, inputs }) => {
        const known = id ?? typeOf(type)?.idOf?.(inputs);
        return known === undefined ? [] : [{ type, id: known }];
      },
    ),
  );

/** Two looks that show the same, as far apart as it takes. */
export const settledLooks = (objects: readonly LiveObject[], asked: LookOptions['asked'] = [], incomplete: readonly string[] = []): Looks =>
  new Looks(
    [0, stalenessMs].map((atMs) => lookOf(objects, { atMs, asked, incomplete })),
    ofEveryType,
  );

export interface Given extends Partial<Omit<Evidence, 'trail' | 'current' | 'history'>> {
  /** Versions of the checkpoint, oldest first; undefined where the stack was removed. */
  readonly versions?: readonly (Deployment | undefined)[];
  /** What AWS shows, in two looks. */
  readonly objects?: readonly LiveObject[];
  /** Asked by id, beside those of the versions. */
  readonly asked?: LookOptions['asked'];
  readonly words?: readonly TrailWord[];
  /** CloudTrail may still say more. */
  readonly open?: boolean;
}

export function evidenceOf({ versions = [deploymentOf()], objects = [], asked = [], words = [], open = false, ...more }: Given): Evidence {
  return {
    stack,
    project: 'holdfast',
    installation,
    identityOf: typeOf,
    current: versions.at(-1) ?? { resources: [], operations: [] },
    history: readHistory(versionsOf(...versions)),
    doubts: [],
    looks: settledLooks(objects, [...idsIn(versions), ...asked, ...words]),
    trail: { words, final: !open },
    spool: undefined,
    disowned: new Set(),
    answers: [],
    elsewhere: { holders: new Map(), unread: [] },
    planned: new Map(),
    ...more,
  };
}

/** `U2 adopt vpc vpc-1`, of each subject in its order. */
export const told = (subjects: readonly Subject[]): string[] =>
  subjects.map(({ row, name, id }) => [row.row, row.then, name, ...(id === undefined ? [] : [id])].join(' '));

export const decided = (given: Given): string[] => told(subjectsOf(evidenceOf(given)));

export const word = (id: string, more: Partial<TrailWord> = {}): TrailWord => ({
  type: types.vpc,
  id,
  act: 'made',
  at: new Date('2030-01-01T00:00:00Z'),
  eventId: `event-${id}`,
  tags: undefined,
  key: undefined,
  ...more,
});

export const shapeOf = (name: string, more: Recorded = {}) => resourceOf(raw(name, { inputs: taggedInputs(name), ...more }));

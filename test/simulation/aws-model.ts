import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { EC2Client } from '@aws-sdk/client-ec2';
import { STSClient } from '@aws-sdk/client-sts';
import type { Clients } from '../../orchestrator/aws/clients.ts';
import type { Session } from '../../orchestrator/aws/session.ts';
import { bucketClient, withRetries } from './bucket-model.ts';
import type { BucketModel, Send } from './bucket-model.ts';
import type { Process, World } from './world.ts';

/** AWS as far as two kinds of stacks need it: VPCs and route tables (told by their tags), and routes (told by their key), seen late. */

export interface AwsObject {
  readonly id: string;
  readonly kind: 'vpc' | 'route-table' | 'route';
  tags: Readonly<Record<string, string>>;
  properties: Readonly<Record<string, string>>;
  /** From when a describe shows it, and until when. What AWS really has ends at `deleted`. */
  readonly shownFromMs: number;
  shownUntilMs: number;
  deleted: boolean;
}

export const account = '444455556666';
export const region = 'eu-west-1';

const refusedBy = (name: string, message = name): Error => Object.assign(new Error(message), { name });

export class AwsModel {
  readonly #world: World;
  readonly objects: AwsObject[] = [];
  #made = 0;
  /** Changes that gave an object the tags of an older edition of the network file. */
  readonly backwards: { readonly by: string; readonly id: string }[] = [];
  /** Calls that changed what a stack has, since they were last asked for. */
  #writes: { readonly by: string; readonly stack: string }[] = [];
  /** Plugins with a call that changes AWS, from its first try to its last. */
  readonly callers = new Set<Process>();
  /** The CLI that may ask for such a call, by its plugin. A refresh asks for none. */
  readonly askers = new Map<Process, Process>();
  /** When each key ends, by AWS's own clock. */
  readonly sessions = new Map<string, number>();
  /** Milliseconds for which a describe shows what was before. At most the staleness that the network file grants. */
  lateMs = 0;
  /** Told who is shown what was before. */
  onStaleView: (process: Process) => void = () => undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** Begins where another one stands. */
  continueFrom(other: AwsModel): void {
    this.objects.push(...other.objects.map((object) => ({ ...object })));
    this.#made = other.#made;
  }

  noteWrite(by: string, stack: string): void {
    this.#writes.push({ by, stack });
  }

  takeWrites(): readonly { readonly by: string; readonly stack: string }[] {
    return this.#writes.splice(0);
  }

  get living(): readonly AwsObject[] {
    return this.objects.filter(({ deleted }) => !deleted);
  }

  create(kind: AwsObject['kind'], properties: AwsObject['properties'], tags: AwsObject['tags']): string {
    if (kind === 'route-table' && !this.#isThere(properties['vpcId'])) throw refusedBy('InvalidVpcID.NotFound');
    if (kind === 'route') {
      if (!this.#isThere(properties['routeTableId'])) throw refusedBy('InvalidRouteTableID.NotFound');
      if (this.living.some((each) => each.kind === kind && isSameRoute(each.properties, properties))) throw refusedBy('RouteAlreadyExists');
    }
    this.#made += 1;
    const id = kind === 'route' ? `route-${this.#made}` : `${kind === 'vpc' ? 'vpc' : 'rtb'}-${this.#made.toString(16).padStart(17, '0')}`;
    this.objects.push({ id, kind, properties, tags, shownFromMs: this.#world.nowMs + this.lateMs, shownUntilMs: Infinity, deleted: false });
    return id;
  }

  change(id: string, tags: AwsObject['tags'], by: string): void {
    const found = this.living.find((each) => each.id === id);
    if (!found) throw refusedBy('InvalidVpcID.NotFound');
    if (Number(tags['edition']) < Number(found.tags['edition'])) this.backwards.push({ by, id });
    found.tags = tags;
  }

  delete(id: string): void {
    const found = this.living.find((each) => each.id === id);
    if (!found) throw refusedBy('InvalidVpcID.NotFound');
    if (this.living.some(({ properties }) => properties['vpcId'] === id)) throw refusedBy('DependencyViolation');
    for (const each of this.living)
      if (each === found || each.properties['routeTableId'] === id) {
        each.deleted = true;
        each.shownUntilMs = this.#world.nowMs + this.lateMs;
      }
  }

  /** @throws what AWS says to a key that has ended */
  authenticate(accessKeyId: string | undefined): void {
    const endsMs = accessKeyId === undefined ? undefined : this.sessions.get(accessKeyId);
    if (endsMs !== undefined && this.#world.nowMs >= endsMs) throw refusedBy('ExpiredToken', 'The provided token has expired.');
  }

  find(id: string): AwsObject | undefined {
    return this.living.find((each) => each.id === id);
  }

  route(table: string, destination: string): AwsObject | undefined {
    return this.living.find(
      (each) => each.kind === 'route' && isSameRoute(each.properties, { routeTableId: table, destinationCidrBlock: destination }),
    );
  }

  #isThere(id: string | undefined): boolean {
    return this.living.some((each) => each.id === id);
  }

  /** As a describe shows it at this moment. */
  get shown(): readonly AwsObject[] {
    const { nowMs } = this.#world;
    return this.objects.filter(({ shownFromMs, shownUntilMs }) => shownFromMs <= nowMs && nowMs < shownUntilMs);
  }

  /** When each process was last shown anything, by its name. */
  readonly lookedMs = new Map<string, number>();

  /** @param asks what of AWS, where it is one of its calls: which zones there are says nothing of what a stack has */
  noteLook(process: Process, asks?: string): void {
    const { nowMs } = this.#world;
    if (asks === 'DescribeAvailabilityZones') return;
    this.lookedMs.set(process.name, nowMs);
    const isStale = this.objects.some(({ deleted, shownFromMs, shownUntilMs }) => (deleted ? nowMs < shownUntilMs : nowMs < shownFromMs));
    if (isStale) this.onStaleView(process);
  }

  serve(name: string, input: Readonly<Record<string, unknown>>): unknown {
    const filters = (input['Filters'] ?? []) as readonly { readonly Name: string; readonly Values: readonly string[] }[];
    const valuesOf = (filter: string): readonly string[] | undefined => filters.find(({ Name }) => Name === filter)?.Values;
    switch (name) {
      case 'DescribeAvailabilityZones':
        return { AvailabilityZones: ['a', 'b'].map((zone) => ({ ZoneName: `${region}${zone}`, State: 'available' })) };
      case 'DescribeTags': {
        const [keys, values, ids] = [valuesOf('key'), valuesOf('value'), valuesOf('resource-id')];
        return {
          Tags: this.shown.flatMap(({ id, kind, tags }) =>
            ids && !ids.includes(id)
              ? []
              : Object.entries(tags)
                  .filter(([key, value]) => (keys?.includes(key) ?? true) && (values?.includes(value) ?? true))
                  .map(([Key, Value]) => ({ ResourceId: id, ResourceType: kind, Key, Value })),
          ),
        };
      }
      case 'DescribeVpcs':
        return {
          Vpcs: this.#shownOf('vpc', valuesOf('vpc-id')).map(({ id, properties, tags }) => ({
            VpcId: id,
            State: 'available',
            CidrBlock: properties['cidrBlock'],
            InstanceTenancy: 'default',
            Tags: tagList(tags),
          })),
        };
      case 'DescribeVpcAttribute': {
        const id = String(input['VpcId']);
        if (!this.shown.some((each) => each.id === id)) throw refusedBy('InvalidVpcID.NotFound');
        return { EnableDnsSupport: { Value: true }, EnableDnsHostnames: { Value: true } };
      }
      case 'DescribeRouteTables': {
        const [ids, vpcs] = [valuesOf('route-table-id'), valuesOf('vpc-id')];
        return {
          RouteTables: this.#shownOf('route-table', ids)
            .filter(({ properties }) => vpcs?.includes(properties['vpcId'] ?? '') ?? true)
            .map(({ id, properties, tags }) => ({
              RouteTableId: id,
              VpcId: properties['vpcId'],
              Tags: tagList(tags),
              Associations: [],
              Routes: this.shown
                .filter((each) => each.kind === 'route' && each.properties['routeTableId'] === id)
                .map((each) => ({
                  DestinationCidrBlock: each.properties['destinationCidrBlock'],
                  TransitGatewayId: each.properties['transitGatewayId'],
                  Origin: 'CreateRoute',
                  State: 'active',
                })),
            })),
        };
      }
      default:
        // Of the other types there is none.
        if (name.startsWith('Describe')) return {};
        throw new Error(`the model of AWS does not know ${name}`);
    }
  }

  #shownOf(kind: AwsObject['kind'], ids: readonly string[] | undefined): AwsObject[] {
    return this.shown.filter((each) => each.kind === kind && (ids?.includes(each.id) ?? true));
  }
}

const isSameRoute = (a: AwsObject['properties'], b: AwsObject['properties']): boolean =>
  a['routeTableId'] === b['routeTableId'] && a['destinationCidrBlock'] === b['destinationCidrBlock'];

const tagList = (tags: AwsObject['tags']) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** What a command is given in the place of the SDK's clients. */
export function modelClients(world: World, process: Process, aws: AwsModel, bucket: BucketModel, session: () => Session): Clients {
  const authenticate = (): void => aws.authenticate(session().credentials.accessKeyId);
  const client = <T>(prototype: T, send: Send): T =>
    Object.assign(Object.create(prototype as object) as object, {
      send,
      destroy: () => undefined,
      middlewareStack: { add: () => undefined },
    }) as T;
  const ec2 = client(EC2Client.prototype, (command) => {
    const name = command.constructor.name.replace(/Command$/, '');
    return withRetries(world, process, () =>
      world.call(process, {
        label: `asks AWS ${name}`,
        effect: () => {
          authenticate();
          aws.noteLook(process, name);
          return aws.serve(name, command.input as Readonly<Record<string, unknown>>);
        },
      }),
    );
  });
  const sts = client(STSClient.prototype, async (command) => {
    const atMs = await withRetries(world, process, () =>
      world.call(process, {
        label: 'asks AWS who it is',
        effect: () => {
          authenticate();
          return { atMs: world.nowMs };
        },
      }),
    );
    const headers = { date: new Date((atMs as { readonly atMs: number }).atMs).toUTCString() };
    const output = { Account: account, Arn: `arn:aws:sts::${account}:assumed-role/network/${process.user.name}`, $metadata: {} };
    // The command looks at the answer's date by a middleware of its own.
    const { middlewareStack } = command as unknown as {
      readonly middlewareStack: {
        readonly resolve: (handler: () => Promise<unknown>, context: object) => (given: object) => Promise<{ readonly output: unknown }>;
      };
    };
    const answered = await middlewareStack.resolve(() => Promise.resolve({ response: { headers }, output }), {})({ input: {} });
    return answered.output;
  });
  const cloudtrail = client(CloudTrailClient.prototype, () =>
    Promise.reject(refusedBy('AccessDeniedException', 'not allowed: cloudtrail:LookupEvents')),
  );
  const none = (): Promise<never> => Promise.reject(new Error('the model of AWS has no such service'));
  return {
    ec2,
    sts,
    cloudtrail,
    s3: bucketClient(world, process, bucket, authenticate),
    sns: none,
    cloudwatch: none,
    serviceQuotas: none,
    destroy: () => undefined,
  };
}

/** From a source that gives another one when asked. */
export function modelSession(world: World, process: Process, aws: AwsModel, seconds: number): Session {
  const accessKeyId = `ASIA${process.random.bytes(6).toString('hex').toUpperCase()}`;
  const endsMs = world.nowMs + seconds * 1000;
  aws.sessions.set(accessKeyId, endsMs);
  return {
    source: 'the model',
    credentials: { accessKeyId, secretAccessKey: 'x', sessionToken: 'x' },
    expiry: new Date(endsMs),
    renew: () => Promise.resolve({ ok: true, value: modelSession(world, process, aws, seconds) }),
  };
}

import {
  CreateSubnetCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayRouteTableCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  CreateVpcCommand,
  EC2Client,
  type CreateTransitGatewayCommandInput,
  type Tag,
} from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { provideEmulator, startEmulator, type Emulator } from '../../lab/emulator/emulator.ts';
import { cacheFolder } from '../../toolchain/cache-folder.ts';

export const account = '111122223333';
export const region = 'eu-west-1';

const config = (port: number) => ({
  endpoint: `http://127.0.0.1:${port}`,
  region,
  credentials: { accessKeyId: 'AKIALAB', secretAccessKey: 'lab' },
  // What is asserted is the emulator's own answer, not what an SDK makes of a second one.
  maxAttempts: 1,
});

export type EmulatorUnderTest = {
  readonly port: number;
  readonly pid: number;
  readonly ec2: EC2Client;
  readonly s3: S3Client;
  readonly sts: STSClient;
  /** Settings of a client of its own, say for other credentials. */
  config(): ReturnType<typeof config>;
};

/** One emulator for a test file, empty before each test. */
export function useEmulator(): EmulatorUnderTest {
  let running: (Emulator & Pick<EmulatorUnderTest, 'ec2' | 's3' | 'sts'>) | undefined;
  beforeAll(async () => {
    const emulator = await start();
    const shared = config(emulator.port);
    running = {
      ...emulator,
      ec2: new EC2Client(shared),
      s3: new S3Client({ ...shared, forcePathStyle: true }),
      sts: new STSClient(shared),
    };
  }, 180_000);
  beforeEach(() => reset(it().port));
  afterAll(() => running?.stop());

  const it = () => {
    if (running === undefined) throw new Error('the emulator runs only inside a test');
    return running;
  };
  return {
    get port() {
      return it().port;
    },
    get pid() {
      return it().pid;
    },
    get ec2() {
      return it().ec2;
    },
    get s3() {
      return it().s3;
    },
    get sts() {
      return it().sts;
    },
    config: () => config(it().port),
  };
}

export async function start(port = 0): Promise<Emulator> {
  const emulator = await tryToStart(port);
  if (!emulator.ok) throw new Error(emulator.problems[0].message);
  return emulator.value;
}

export async function tryToStart(port: number, log: (line: string) => void = () => undefined) {
  return await startEmulator({ python: await python(), accountId: account, port, env: process.env, log });
}

export async function python(): Promise<string> {
  const provided = await provideEmulator({ cacheFolder: cacheFolder(process.env), env: process.env, onProgress: () => undefined });
  if (!provided.ok) throw new Error(provided.problems[0].message);
  return provided.value.python;
}

export async function reset(port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/moto-api/reset`, { method: 'POST' });
  if (!answer.ok) throw new Error(`reset: ${answer.status}`);
}

/** The error code that AWS would refuse with; fails when the call is not refused. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
  throw new Error('the call was not refused');
}

export function present<T>(value: T | null | undefined): T {
  if (value === undefined || value === null) throw new Error('the answer lacks a value');
  return value;
}

export const tagged = <T extends string>(ResourceType: T, tags: Record<string, string>) => [
  { ResourceType, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
];

export const tagMap = (tags: readonly Tag[] | undefined) =>
  Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value])) as Record<string, string>;

export async function createGateway(
  ec2: EC2Client,
  options: CreateTransitGatewayCommandInput['Options'] = noDefaults,
  name = 'g',
): Promise<string> {
  const made = await ec2.send(
    new CreateTransitGatewayCommand({
      Options: options,
      TagSpecifications: tagged('transit-gateway', { Name: name, 'holdfast:stack': 's' }),
    }),
  );
  return present(made.TransitGateway?.TransitGatewayId);
}

export const noDefaults = { DefaultRouteTableAssociation: 'disable', DefaultRouteTablePropagation: 'disable' } as const;

export async function createTable(ec2: EC2Client, gateway: string): Promise<string> {
  const made = await ec2.send(
    new CreateTransitGatewayRouteTableCommand({
      TransitGatewayId: gateway,
      TagSpecifications: tagged('transit-gateway-route-table', { Name: 't', 'holdfast:stack': 's' }),
    }),
  );
  return present(made.TransitGatewayRouteTable?.TransitGatewayRouteTableId);
}

export async function createVpc(ec2: EC2Client, cidr = '10.1.0.0/16'): Promise<{ vpc: string; subnets: [string, string] }> {
  const made = await ec2.send(
    new CreateVpcCommand({ CidrBlock: cidr, TagSpecifications: tagged('vpc', { Name: 'v', 'holdfast:stack': 's' }) }),
  );
  const vpc = present(made.Vpc?.VpcId);
  return { vpc, subnets: [await createSubnet(ec2, vpc, cidr, 0), await createSubnet(ec2, vpc, cidr, 1)] };
}

export async function createSubnet(ec2: EC2Client, vpc: string, cidr: string, index: number): Promise<string> {
  const made = await ec2.send(
    new CreateSubnetCommand({
      VpcId: vpc,
      CidrBlock: cidr.replace('0.0/16', `${index}.0/24`),
      AvailabilityZone: `${region}${'abc'.charAt(index % 3)}`,
      TagSpecifications: tagged('subnet', { Name: `s${index}`, 'holdfast:stack': 's' }),
    }),
  );
  return present(made.Subnet?.SubnetId);
}

export async function attach(ec2: EC2Client, gateway: string, vpc: string, subnet: string, name = 'a'): Promise<string> {
  const made = await ec2.send(
    new CreateTransitGatewayVpcAttachmentCommand({
      TransitGatewayId: gateway,
      VpcId: vpc,
      SubnetIds: [subnet],
      TagSpecifications: tagged('transit-gateway-attachment', { Name: name, 'holdfast:stack': 's' }),
    }),
  );
  return present(made.TransitGatewayVpcAttachment?.TransitGatewayAttachmentId);
}

/** A gateway without defaults, one route table, and a VPC attached to it. */
export async function createAttachedVpc(ec2: EC2Client) {
  const gateway = await createGateway(ec2);
  const table = await createTable(ec2, gateway);
  const { vpc, subnets } = await createVpc(ec2);
  return { gateway, table, vpc, subnets, attachment: await attach(ec2, gateway, vpc, subnets[0]) };
}

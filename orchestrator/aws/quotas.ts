import { paginateDescribeVpcs } from '@aws-sdk/client-ec2';
import type { Clients } from './clients.ts';
import { pages } from './ec2-queries.ts';
import { looked } from './looked.ts';
import type { Looked } from './looked.ts';

/** What AWS allows an account of, as far as a network of gateway and VPCs comes near it. Service and code as Service Quotas has them. */
interface QuotaCode {
  readonly service: 'vpc' | 'ec2';
  readonly code: string;
  /** What every account has. AWS gives more where it is asked to, and never less: what stays within it needs no question. */
  readonly everyAccount: number;
}

/**
 * https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html and https://docs.aws.amazon.com/vpc/latest/tgw/transit-gateway-quotas.html, whose
 * links to the console have the codes.
 */
export const quotas = {
  vpcs: { service: 'vpc', code: 'L-F678F1CE', everyAccount: 5 },
  subnets: { service: 'vpc', code: 'L-407747CB', everyAccount: 200 },
  routeTables: { service: 'vpc', code: 'L-589F43AA', everyAccount: 200 },
  routes: { service: 'vpc', code: 'L-93826ACB', everyAccount: 50 },
  gatewayTables: { service: 'ec2', code: 'L-43872EB7', everyAccount: 20 },
  gatewayRoutes: { service: 'ec2', code: 'L-BCC1FB47', everyAccount: 10_000 },
} as const satisfies Readonly<Record<string, QuotaCode>>;

export type Quota = keyof typeof quotas;

/** How much of one thing a network comes to. */
export interface Need {
  readonly quota: Quota;
  readonly count: number;
  /** The VPC that has the most of it, where AWS counts by VPC. */
  readonly vpc?: string;
}

export interface QuotaAnswer {
  readonly need: Need;
  /** How much the account may have. */
  readonly allowed: Looked<number>;
}

/** Asks for each quota that every account's does not cover. */
export function lookAtQuotas({ serviceQuotas }: Clients, needs: readonly Need[]): Promise<readonly QuotaAnswer[]> {
  const near = needs.filter(({ quota, count }) => count > quotas[quota].everyAccount);
  return Promise.all(near.map(async (need) => ({ need, allowed: await allowedOf(serviceQuotas, need.quota) })));
}

function allowedOf(serviceQuotas: Clients['serviceQuotas'], quota: Quota): Promise<Looked<number>> {
  return looked(async () => {
    const { service: ServiceCode, code: QuotaCode } = quotas[quota];
    const [{ GetServiceQuotaCommand }, client] = await Promise.all([import('@aws-sdk/client-service-quotas'), serviceQuotas()]);
    const { Quota: found } = await client.send(new GetServiceQuotaCommand({ ServiceCode, QuotaCode }));
    // Of what is no number every count would be within it.
    if (typeof found?.Value !== 'number' || Number.isNaN(found.Value)) throw new Error('the answer has no value');
    return found.Value;
  }, 'servicequotas:GetServiceQuota');
}

/** How many VPCs the account has in the region: all of them count against its quota. */
export function countVpcs({ ec2: client }: Clients): Promise<Looked<number>> {
  return looked(async () => (await pages(paginateDescribeVpcs({ client }, {}), ({ Vpcs }) => Vpcs)).length, 'ec2:DescribeVpcs');
}

import { describe, expect, it } from 'vitest';
import { quotas } from '../../orchestrator/aws/quotas.ts';
import type { Quota, QuotaAnswer } from '../../orchestrator/aws/quotas.ts';
import { generateNetwork } from '../../orchestrator/network/generate.ts';
import { needsOf } from '../../orchestrator/preflight/quotas.ts';
import { exampleOf } from './support/example.ts';
import { checkOf } from './support/facts.ts';

const answer = (quota: Quota, count: number, allowed: number, vpc?: string): QuotaAnswer => ({
  need: { quota, count, ...(vpc === undefined ? {} : { vpc }) },
  allowed: { ok: true, value: allowed },
});

const refused = (quota: Quota, count: number): QuotaAnswer => ({
  need: { quota, count },
  allowed: { ok: false, code: 'AccessDeniedException', message: 'no', action: 'servicequotas:GetServiceQuota' },
});

describe('what a network file comes to', () => {
  it('is counted for the VPC that has the most of it, and for the gateway as a whole', () => {
    const { spec } = exampleOf(generateNetwork(4));
    const counts = Object.fromEntries(needsOf(spec).map(({ quota, count }) => [quota, count]));
    const [first] = Object.values(spec.vpcs);
    const subnets = Object.values(first?.subnets ?? {}).reduce((sum, tier) => sum + Object.keys(tier).length, 0);
    expect(counts).toMatchObject({
      subnets,
      routeTables: Object.keys(first?.subnets ?? {}).length + 1,
      gatewayTables: Object.keys(spec.segments).length,
    });
  });

  it('has with the routes of the gateway those that its tables learn', () => {
    const withBlackholes = (list: string): number | undefined =>
      needsOf(
        exampleOf(
          generateNetwork(2).replace(
            /^segments:\n( +)(\w[\w-]*):.*\n/m,
            (line, indent: string) => `${line}${indent}  blackholes: ${list}\n`,
          ),
        ).spec,
      ).find(({ quota }) => quota === 'gatewayRoutes')?.count;
    const before = withBlackholes('[]');
    const { segments } = exampleOf(generateNetwork(2)).spec;
    expect(before).toBeGreaterThan(Object.values(segments).flatMap(({ routes, blackholes }) => [...routes, ...blackholes]).length);
    expect(withBlackholes('[192.0.2.0/24, 198.51.100.0/24]')).toBe((before ?? 0) + 2);
  });

  it('is within what every account may have, of the example', () => {
    expect(needsOf(exampleOf().spec).filter(({ quota, count }) => count > quotas[quota].everyAccount)).toEqual([]);
  });
});

describe('the check of the quotas', () => {
  it('is ok where the account may have as much', async () => {
    expect(await checkOf('quotas', 'up', { quotas: { answers: [answer('vpcs', 300, 300)] } })).toMatchObject({ outcome: 'ok' });
  });

  it.each(['up', 'plan', 'preflight'] as const)('warns of what is over, with its code, and stops nothing (%s)', async (command) => {
    const check = await checkOf('quotas', command, {
      quotas: { answers: [answer('vpcs', 6, 5), answer('routes', 60, 500, 'prod'), answer('gatewayTables', 21, 20)] },
    });
    expect(check.exitCode).toBeUndefined();
    expect(check).toMatchObject({
      outcome: 'warn',
      lines: [
        '6 VPCs in the region, with those that exist: the account may have 5 (vpc, L-F678F1CE)',
        '21 route tables on the gateway, one for each segment: the account may have 20 (ec2, L-43872EB7)',
      ],
    });
  });

  it('says what it could not ask, beside what is over', async () => {
    const check = await checkOf('quotas', 'up', { quotas: { answers: [answer('vpcs', 6, 5), refused('gatewayTables', 21)] } });
    expect(check.lines?.at(-1)).toBe(
      'not known: 21 route tables on the gateway, one for each segment: servicequotas:GetServiceQuota: AccessDeniedException',
    );
  });

  it.each([
    ['the account does not say what it may have', { answers: [answer('vpcs', 6, 6), refused('gatewayTables', 21)] }],
    [
      'its VPCs cannot be counted',
      { answers: [], uncounted: { ok: false, code: 'UnauthorizedOperation', message: 'no', action: 'ec2:DescribeVpcs' } },
    ],
  ] as const)('is never ok where %s', async (_, fact) => {
    expect(await checkOf('quotas', 'up', { quotas: fact })).toMatchObject({ outcome: 'not-checked' });
  });
});

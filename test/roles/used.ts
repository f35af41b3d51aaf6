import type { LabCall } from '../../lab/control.ts';
import { needOfNotFound, needsOf } from '../../lab/proxy/needs.ts';
import { policySchema, verdictOf } from '../../lab/proxy/policy.ts';
import { labAccountId } from '../../orchestrator/domain/lab-record.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import { places } from '../../orchestrator/aws/permissions/places.ts';
import type { Where } from '../../orchestrator/aws/permissions/places.ts';
import type { Permission } from '../../orchestrator/aws/permissions/roles.ts';

/** The rows that are what allows one of these calls. */
export function usedRows(rows: readonly Permission[], spec: NetworkSpec, calls: readonly LabCall[]): ReadonlySet<Permission> {
  const where = { accountId: labAccountId, region: spec.region };
  const needs = calls.flatMap((call) => {
    const hidden = call.status === 404 ? needOfNotFound(call, spec.region) : undefined;
    return [...needsOf(call, where), ...(hidden === undefined ? [] : [hidden])];
  });
  return new Set(
    rows.filter(({ action, place }) => {
      const { resources, condition }: Where = places[place](spec);
      const policy = policySchema.parse({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: [action],
            Resource: [...resources],
            ...(condition === undefined ? {} : { Condition: condition }),
          },
        ],
      });
      return needs.some((need) => verdictOf(policy, need) === 'allowed');
    }),
  );
}

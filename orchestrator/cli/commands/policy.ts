import { places } from '../../aws/permissions/places.ts';
import type { Where } from '../../aws/permissions/places.ts';
import { neededFor, policiesOf } from '../../aws/permissions/policy.ts';
import { noSuchPart, purposes, severalPolicies } from '../../ui/permissions-page.ts';
import type { Role } from '../../aws/permissions/roles.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import { Refusal } from '../../domain/problem.ts';
import { styleFor } from '../../ui/reporter.ts';
import { table } from '../../ui/table.ts';
import { chooseNetwork } from '../choose-network.ts';
import type { CommonFlags, Context } from '../context.ts';
import { print, printJson, report, warn } from '../report.ts';

export interface PolicyFlags extends CommonFlags {
  readonly format: 'json' | 'table';
  /** Of several documents, this one; the first is 1. */
  readonly part?: number;
}

/**
 * What a role has to be allowed, for the network's account, region and bucket: as many managed policies as that takes, one document after the other.
 * Needs the network file and nothing else.
 */
export async function policy(this: Context, flags: PolicyFlags, role: Role): Promise<void> {
  await report(this, flags, async () => {
    const { network } = await chooseNetwork(this, flags.network);
    if (flags.json || flags.format === 'json') {
      const documents = policiesOf(role, network.spec);
      const { part } = flags;
      const chosen = part === undefined ? documents : documents.slice(part - 1, part);
      if (chosen.length === 0) throw new Refusal(exitCodes.usage, noSuchPart(role, part ?? 0, documents.length));
      for (const document of chosen) printJson(this, document, 2);
      // On stderr, so that what is piped stays documents.
      if (documents.length > 1 && part === undefined) warn(this, severalPolicies(role, documents.length));
      return exitCodes.done;
    }
    const rows = neededFor(network.spec)
      .filter(({ roles }) => roles.includes(role))
      .map(({ action, place, why }) => {
        const where: Where = places[place](network.spec);
        return [action, where.resources.map((resource) => resource.replace(/^arn:[^:]+:s3:::[^/]+\//, '')).join(' '), why];
      });
    print(this, (cells) => [`${role}: ${purposes[role]}`, table(cells, styleFor(this.process.stdout, this.env).columns)].join('\n'), rows);
    return exitCodes.done;
  });
}

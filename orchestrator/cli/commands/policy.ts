import { places } from '../../aws/permissions/places.ts';
import type { Where } from '../../aws/permissions/places.ts';
import { mostCharacters, neededFor, policyOf } from '../../aws/permissions/policy.ts';
import { purposes } from '../../ui/permissions-page.ts';
import type { Role } from '../../aws/permissions/roles.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import { styleFor } from '../../ui/reporter.ts';
import { table } from '../../ui/table.ts';
import { chooseNetwork } from '../choose-network.ts';
import type { CommonFlags, Context } from '../context.ts';
import { print, report } from '../report.ts';

export interface PolicyFlags extends CommonFlags {
  readonly format: 'json' | 'table';
}

/** What a role has to be allowed, for the network's account, region and bucket. Needs the network file and nothing else. */
export async function policy(this: Context, flags: PolicyFlags, role: Role): Promise<void> {
  await report(this, flags, async () => {
    const { network } = await chooseNetwork(this, flags.network);
    const document = policyOf(role, network.spec);
    if (flags.json || flags.format === 'json') {
      print(this, JSON.stringify(document, null, 2));
      const characters = JSON.stringify(document).length;
      // On stderr, so that what is piped stays a document.
      if (characters > mostCharacters)
        this.process.stderr.write(
          `${characters} characters, and a managed policy takes ${mostCharacters}: attach it to the role inline (aws iam put-role-policy), which takes 10240.\n`,
        );
      return exitCodes.done;
    }
    const rows = neededFor(network.spec)
      .filter(({ roles }) => roles.includes(role))
      .map(({ action, place, why }) => {
        const where: Where = places[place](network.spec);
        return [action, where.resources.map((resource) => resource.replace(/^arn:[^:]+:s3:::[^/]+\//, '')).join(' '), why];
      });
    print(this, [`${role}: ${purposes[role]}`, table(rows, styleFor(this.process.stdout, this.env).columns)].join('\n'));
    return exitCodes.done;
  });
}

import { addedFlags, command } from '../domain/command.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { formatSeconds } from '../domain/duration.ts';
import type { BucketFacts } from '../aws/account.ts';
import { clockSkewLimitSeconds } from '../aws/identity.ts';
import type { ExistingVpc } from '../aws/existing-vpcs.ts';
import type { Identity } from '../aws/identity.ts';
import type { Looked } from '../aws/looked.ts';
import type { PropertyStanding } from '../aws/bucket-properties.ts';
import type { Expiry } from '../aws/session.ts';
import type { Problem } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { Network } from '../network/read-network.ts';
import type { UnreadableState } from '../state/checkpoints.ts';
import { ignoredConditions, readProbe } from '../state/store-probe.ts';
import { fail, inLines, notChecked, ok, warn } from './check.ts';
import type { Check, CheckOutcome, Command } from './check.ts';
import { reviewDays } from './runbook-review.ts';
import { checkQuotas } from './quotas.ts';
import type { QuotasFact } from './quotas.ts';
import { checkSecrets } from './secrets.ts';
import type { SecretsFacts } from './secrets.ts';
import { afterUnreadable, tellUnreadable } from './unreadable-checkpoints.ts';
import { checkUsers } from './users.ts';
import type { UsersFact } from './users.ts';

/** What the checks look at: asked once, before the first of them. */
export interface PreflightFacts {
  readonly network: Network;
  readonly bucket: string;
  readonly target: 'LAB' | 'REAL';
  readonly now: number;
  readonly sessionSource: string;
  readonly expiry: Expiry;
  readonly renewable: boolean;
  readonly forecastSeconds: number;
  readonly identity: Looked<Identity>;
  readonly zones: Looked<readonly string[]>;
  /** VPCs that have a block of a VPC that is to be made, and that this installation has not made. `accepted`: a person has said that there may be some. */
  readonly existing: Looked<readonly ExistingVpc[]> | 'nothing-to-make' | 'accepted' | 'states-unread';
  /** Where a network is made or changed. */
  readonly quotas: QuotasFact | 'nothing-to-make' | 'states-unread';
  readonly bucketFacts: Looked<BucketFacts>;
  /** The same bucket by each of its properties, as `bootstrap` makes them. */
  readonly properties: readonly PropertyStanding[];
  readonly secrets: SecretsFacts;
  /** Who holds which of the selected stacks, one line each. */
  readonly locks: readonly string[];
  /** Stacks of which AWS may have what the state does not say, and selected ones that are frozen: one line each. Of a recovery they are the subject. */
  readonly held: readonly string[] | 'told-one-by-one';
  readonly unreadable: readonly Pick<UnreadableState, 'key' | 'detail'>[];
  /** Objects of the journal, or records beside the locks, that cannot be read. */
  readonly unreadableRecords: readonly string[];
  /** Upstreams that are not selected and were never deployed. */
  readonly missingUpstreams: readonly string[] | 'not-needed';
  readonly cli: string;
  /** Or why there is none that may be run. */
  readonly plugin: string | Problem;
  /** Who else could use the session by the ports of the engine. */
  readonly users: UsersFact;
  /** Day of the runbook's last review, as `2026-01-31`; undefined where it is not known. */
  readonly runbookReviewed: string | undefined;
}

const changing: readonly Command[] = ['up', 'destroy', 'preflight'];
const running: readonly Command[] = [...changing, 'plan'];

/** Without these nothing may run: each has a line of its own. */
const hasCheckOfItsOwn: ReadonlySet<string> = new Set(['bucket', 'versioning', 'installation', 'conditional-writes']);

const bucketUnread = 'the state bucket could not be read';

/** A check of what the state bucket says: without the bucket it says nothing. */
const inBucket =
  (look: (facts: PreflightFacts, bucket: BucketFacts) => CheckOutcome) =>
  (facts: PreflightFacts): CheckOutcome =>
    facts.bucketFacts.ok ? look(facts, facts.bucketFacts.value) : notChecked(bucketUnread);

/** Every check before a run, in the order in which a person reads them. */
export const checks: readonly Check<PreflightFacts>[] = [
  {
    id: 'identity',
    title: 'identity and account',
    fatalFor: [...running, 'inventory', 'recover'],
    look: checkIdentity,
  },
  {
    id: 'session',
    title: 'remaining session',
    fatalFor: changing,
    look: ({ expiry, now, network, forecastSeconds, renewable, sessionSource }) => {
      if (expiry === 'never') return ok('long-term keys, which do not expire (short sessions are safer)');
      if (expiry === 'unknown')
        return fail(
          `the credentials are temporary and nothing says when they expire (${sessionSource})`,
          'Set AWS_CREDENTIAL_EXPIRATION, or state it: --session-expires 2026-01-31T18:00:00Z',
        );
      const remaining = (expiry.getTime() - now) / 1000;
      if (remaining <= 0)
        return fail(`the session expired at ${expiry.toISOString()}`, 'Get a new session, then run the same command again.');
      const minimum = network.spec.session.minimum;
      // A session that can be renewed need not last for the whole run: it is looked at again before each stack.
      const needed = renewable ? minimum : Math.max(minimum, forecastSeconds);
      if (remaining >= needed)
        return ok(
          `${formatSeconds(remaining)} left, ${formatSeconds(needed)} needed${renewable ? ', renewed when it gets short' : ''} (${sessionSource})`,
        );
      const why =
        needed > minimum
          ? `the longest chain of stacks is forecast at ${formatSeconds(forecastSeconds)}`
          : `${formatSeconds(minimum)} is the minimum`;
      return fail(
        `the session has ${formatSeconds(remaining)} left (until ${expiry.toISOString()}; ${sessionSource}), and ${why}: it would end in the middle of a run`,
        'Get a new session, then run the same command again.',
      );
    },
  },
  {
    id: 'clock',
    title: 'clock',
    fatalFor: changing,
    look: ({ identity }) => {
      if (!identity.ok) return notChecked('AWS did not answer');
      const skew = identity.value.clockSkewSeconds;
      if (skew === undefined) return notChecked('the answer of AWS bore no date');
      if (Math.abs(skew) > clockSkewLimitSeconds)
        return fail(
          `this machine's clock is ${formatSeconds(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} AWS's: signatures fail at 5 min, and an expiry means nothing`,
          'Set the clock (timedatectl set-ntp true).',
        );
      return ok(`within ${Math.abs(skew)} s of AWS's`);
    },
  },
  {
    id: 'zones',
    title: 'zones',
    // Not for destroy: what is there can go, whatever the file says of zones.
    fatalFor: ['up', 'plan', 'preflight'],
    look: ({ zones, network }) => {
      // Said once, by the identity check.
      if (!zones.ok && isUnreachable(zones.code)) return notChecked('AWS did not answer');
      if (!zones.ok)
        return fail(`the region's zones cannot be read: ${zones.code}: ${zones.message}`, 'Allow ec2:DescribeAvailabilityZones.');
      const { region, vpcs } = network.spec;
      const wanted = Object.entries(vpcs).flatMap(([vpc, { subnets }]) =>
        Object.entries(subnets).flatMap(([tier, byZone]) =>
          Object.keys(byZone).map((zone) => ({ zone, path: ['vpcs', vpc, 'subnets', tier, zone] })),
        ),
      );
      const missing = wanted.find(({ zone }) => !zones.value.includes(`${region}${zone}`));
      if (missing)
        return {
          outcome: 'fail',
          message: `${region} has no zone ${region}${missing.zone}; it has ${zones.value.join(', ')}`,
          next: 'Use a zone that the region has.',
          ...place(network, missing.path),
        };
      return ok(`${new Set(wanted.map(({ zone }) => zone)).size} of ${zones.value.length} in ${region}`);
    },
  },
  {
    id: 'existing',
    title: 'VPCs that exist',
    fatalFor: ['up', 'preflight'],
    look: ({ existing, network }) => {
      if (existing === 'nothing-to-make') return ok('this command makes no VPC');
      if (existing === 'accepted') return ok('more may be made beside them');
      if (existing === 'states-unread') return notChecked(bucketUnread);
      if (!existing.ok)
        return notChecked(isUnreachable(existing.code) ? 'AWS did not answer' : `${existing.action ?? ''}: ${existing.code}`);
      if (existing.value.length === 0) return ok('none with a block of one that is to be made');
      return {
        ...fail(
          '',
          `If the network file describes a network that exists, do not go on: it would be made a second time. If they are something else: ${addedFlags('up', { besideExisting: true })}`,
        ),
        ...inLines([
          `${network.spec.region} has VPCs with the blocks of VPCs that are to be made`,
          ...existing.value.map(
            ({ id, blocks, gateways }) =>
              `${id} has ${blocks.join(', ')}${gateways.length === 0 ? '' : `, and is attached to ${gateways.join(', ')}`}`,
          ),
        ]),
      };
    },
  },
  {
    id: 'quotas',
    title: 'quotas',
    fatalFor: [],
    look: ({ quotas }) => {
      if (quotas === 'nothing-to-make') return ok('this command makes nothing');
      return quotas === 'states-unread' ? notChecked(bucketUnread) : checkQuotas(quotas);
    },
  },
  {
    id: 'bucket',
    title: 'state bucket',
    fatalFor: [...running, 'status', 'recover'],
    look: ({ bucketFacts, bucket }) => {
      if (!bucketFacts.ok) return fail(...bucketFailure(bucketFacts, bucket));
      if (bucketFacts.value.installation === undefined)
        return fail(`${bucket} was never prepared for Holdfast`, `Run \`${command('bootstrap')}\`.`);
      return ok(bucket);
    },
  },
  {
    id: 'versioning',
    title: 'bucket versioning',
    fatalFor: running,
    look: inBucket(({ bucket }, { versioned }) =>
      versioned
        ? ok('on')
        : fail(
            `${bucket} keeps no versions: after an interruption there would be nothing to go back to`,
            `Run \`${command('bootstrap')}\`, which turns it on.`,
          ),
    ),
  },
  {
    id: 'conditional-writes',
    title: 'conditional writes',
    fatalFor: running,
    look: inBucket(({ bucket }, seen) => {
      if (seen.installation === undefined) return notChecked('the bucket was never prepared for Holdfast');
      const probe = seen.probe === undefined ? undefined : readProbe(seen.probe);
      if (probe === undefined)
        return fail(
          `nobody has tried yet whether ${bucket} keeps to the conditions of writes`,
          `Run \`${command('bootstrap')}\`, which tries it once.`,
        );
      const ignored = ignoredConditions(probe);
      return ignored.length === 0
        ? ok('honoured')
        : fail(
            `${bucket} ignores ${ignored.join(', ')}: two runs could hold one lock`,
            `Use a store that honours them, as Amazon S3 does; then run \`${command('bootstrap')}\`.`,
          );
    }),
  },
  {
    id: 'bucket-properties',
    title: 'bucket properties',
    // Nothing of it is needed to go on; all of it is missed on the day when something went wrong.
    fatalFor: [],
    look: inBucket(({ properties }) => {
      const lacking = properties.filter(({ id, outcome }) => outcome !== 'ok' && !hasCheckOfItsOwn.has(id));
      if (lacking.length === 0) return ok('as bootstrap makes them');
      const mended = lacking.some(({ shortfalls }) => shortfalls.some((shortfall) => shortfall.mended));
      return {
        ...warn(
          '',
          mended
            ? `Run \`${command('bootstrap')}\`, which makes it so.`
            : `See what each of them is: ${command('bootstrap', { check: true })}`,
        ),
        ...inLines(lacking.map(({ what, shortfalls }) => `${what}: ${shortfalls.map(({ text }) => text).join('; ')}`)),
      };
    }),
  },
  {
    id: 'checkpoints',
    title: 'checkpoints',
    // `up` and `plan` leave the stack out, and what reads it. Of what is to go it is not known what stands on it.
    fatalFor: ['destroy', 'preflight'],
    look: inBucket(({ unreadable, bucket }) =>
      unreadable.length === 0
        ? ok('readable')
        : { ...fail('', afterUnreadable(bucket, unreadable)), ...inLines(tellUnreadable(unreadable)) },
    ),
  },
  {
    id: 'secrets',
    title: 'secrets',
    fatalFor: running,
    look: ({ secrets, bucketFacts }) => {
      if (bucketFacts.ok) return checkSecrets(secrets);
      // A key that does not work, or a file that is not there, is known without the states.
      const seen = checkSecrets({ ...secrets, stacks: [] });
      return seen.outcome === 'fail' ? seen : notChecked(bucketUnread);
    },
  },
  {
    id: 'locks',
    title: 'locks',
    fatalFor: ['up', 'destroy', 'preflight'],
    exitCode: exitCodes.lockedByOther,
    look: inBucket(({ locks }) =>
      locks.length === 0
        ? ok('none')
        : fail(
            locks.join('; '),
            `Wait for it to end, or look at it: ${command('locks')}. Of plain pulumi that died: ${command('recover', 'STACK')}`,
          ),
    ),
  },
  {
    id: 'held',
    title: 'held stacks',
    // A run leaves them and their dependents out, and says so: the others can be deployed.
    fatalFor: ['preflight'],
    exitCode: exitCodes.held,
    look: inBucket(({ held }) => {
      if (held === 'told-one-by-one') return ok('recover tells of each');
      if (held.length === 0) return ok('none');
      return { ...fail('', `They and what reads them are left out. See ${command('status')}`), ...inLines(held) };
    }),
  },
  {
    id: 'journal',
    title: 'journal',
    // Of its own stack it is not known whose it is, and that one is held. Whoever can write one object must not stop the others.
    fatalFor: ['preflight'],
    look: inBucket(({ unreadableRecords }) =>
      unreadableRecords.length === 0
        ? ok('readable')
        : fail(
            unreadableRecords.join('; '),
            'Their stacks, and what reads them, are left alone until they can be read: look at the objects, and at their earlier versions.',
          ),
    ),
  },
  {
    id: 'upstreams',
    title: 'upstream stacks',
    fatalFor: ['up', 'preflight'],
    look: inBucket(({ missingUpstreams }) => {
      if (missingUpstreams === 'not-needed') return ok('not needed by this command');
      return missingUpstreams.length === 0
        ? ok('deployed, or part of this run')
        : fail(
            `not deployed yet, or not to the end: ${missingUpstreams.join(', ')}`,
            `Add --with-upstreams, or deploy them first: ${command('up', ...missingUpstreams.map(shortOf))}`,
          );
    }),
  },
  {
    id: 'engine',
    title: 'engine and plugin',
    fatalFor: [...running, 'recover'],
    look: ({ cli, plugin }) => (typeof plugin === 'string' ? ok(`pulumi ${cli}, ${plugin}`) : fail(plugin.message, plugin.next)),
  },
  {
    id: 'users',
    title: 'users of this machine',
    fatalFor: [...running, 'recover'],
    look: ({ users }) => checkUsers(users),
  },
  {
    id: 'runbook',
    title: 'runbook',
    // It is for the day on which something else fails: never a reason to stop.
    fatalFor: [],
    look: checkRunbook,
  },
  {
    id: 'alarm',
    title: 'lock alarm',
    fatalFor: [],
    look: ({ network }) => checkAlarm(network.spec.guardrails),
  },
];

function checkAlarm(guardrails: Network['spec']['guardrails']): CheckOutcome {
  const { metric, topic, lockAge } = guardrails ?? {};
  const links = (topic?.subscriptions ?? []).filter(
    ({ protocol, endpoint }) => protocol === 'https' && endpoint !== undefined && hasPath(endpoint),
  );
  if (links.length > 0)
    return warn(
      `the network file has the whole link of ${links.length === 1 ? 'a subscription' : `${links.length} subscriptions`}, and the journal has the file: if there is a key in it, as in a pager's, everyone who reads them has it`,
      'Name the environment variable that has it, in the place of endpoint: endpointFrom, docs/lock-alarm.md',
    );
  if (!metric) return ok('none: the network file has no guardrails with a metric');
  if (!topic)
    return warn(
      'the alarm on the metric tells nobody: guardrails have no topic',
      'Add topic: {} with subscriptions, or the arn of a topic: docs/lock-alarm.md',
    );
  const hasReaders = topic.arn !== undefined || topic.subscriptions.length > 0;
  if (!hasReaders)
    return warn(
      'the topic of the alarm has no subscriptions in the network file: nobody reads it, as far as that says',
      'Add them: docs/network.md, "guardrails"',
    );
  return ok(`on locks older than ${formatSeconds(lockAge ?? 0)}, by the network file`);
}

/** A bare host is no secret. */
function hasPath(link: string): boolean {
  const { pathname, search } = URL.canParse(link) ? new URL(link) : { pathname: link, search: '' };
  return pathname !== '/' || search !== '';
}

function checkRunbook({ network, runbookReviewed, now }: PreflightFacts): CheckOutcome {
  const link = network.spec.guardrails?.runbook;
  if (link !== undefined) return ok(`kept at ${link}`);
  const next = `Go through docs/runbook.md in the lab, correct it, and set its line "Reviewed:" to that day.`;
  const reviewed = runbookReviewed === undefined ? Number.NaN : Date.parse(runbookReviewed);
  if (Number.isNaN(reviewed)) return warn('docs/runbook.md does not say when it was last reviewed', next);
  const days = Math.floor((now - reviewed) / 86_400_000);
  if (days > reviewDays) return warn(`docs/runbook.md was last reviewed ${days} days ago, and ${reviewDays} is the most`, next);
  return ok(`reviewed ${runbookReviewed ?? ''}`);
}

function place(network: Network, path: readonly (string | number)[]): { file: string; line?: number } {
  const line = network.lineOf(path);
  return line === undefined ? { file: network.file } : { file: network.file, line };
}

type Failure = Extract<Looked<unknown>, { ok: false }>;

/** Nothing that AWS says counts where it is another account that answers. */
export function checkIdentity({
  identity,
  network,
  target,
}: Pick<PreflightFacts, 'identity' | 'network' | 'target'>): Exclude<CheckOutcome, { outcome: 'not-checked' }> {
  if (!identity.ok) return fail(...identityFailure(identity, target));
  const { account, arn } = identity.value;
  const wanted = network.spec.account;
  if (account !== wanted)
    return {
      ...fail(
        `the session belongs to account ${account} (${arn}), and the network to ${wanted}`,
        `Sign in to ${wanted}, or correct the account in the network file.`,
      ),
      ...place(network, ['account']),
    };
  return ok(arn);
}

function identityFailure({ code, message }: Failure, target: PreflightFacts['target']): [message: string, next: string] {
  if (/Expired/i.test(code)) return ['the session has expired', 'Get a new session, then run the same command again.'];
  if (isUnreachable(code))
    return target === 'LAB'
      ? [`the lab does not answer (${code})`, `Start it again: ${command('lab', 'start')}`]
      : [`AWS cannot be reached: ${message || code}`, 'Check the network, the proxy settings and the region.'];
  return [`AWS does not accept the credentials: ${code}: ${message}`, 'Sign in again, then run the same command again.'];
}

function bucketFailure({ code, message }: Failure, bucket: string): [message: string, next: string] {
  if (code === 'NotFound' || code === 'NoSuchBucket')
    return [`the state bucket ${bucket} does not exist`, `Make it: ${command('bootstrap')}`];
  if (code === 'AccessDenied' || code === 'Forbidden' || code === '403')
    return [
      `the session may not read the state bucket ${bucket}, or it belongs to another account: ${message}`,
      `Give the session the policy of its role (docs/roles.md); whose the bucket is: ${command('bootstrap', { check: true })}`,
    ];
  if (/Expired/i.test(code)) return ['the session has expired', 'Get a new session, then run the same command again.'];
  return [
    `the state bucket ${bucket} does not answer: ${code}: ${message}`,
    'Check the network and the region, then run the same command again.',
  ];
}

const isUnreachable = (code: string): boolean =>
  /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|Timeout|NetworkingError/i.test(code);

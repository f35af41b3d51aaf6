import { isDeepStrictEqual } from 'node:util';
import type { LifecycleRule } from '@aws-sdk/client-s3';

/**
 * What becomes of old versions in the state bucket. Holdfast's own rules are known by their ID, and are for the keys that it and Pulumi write: what else a
 * bucket holds is somebody else's to keep.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
 */

/** How long a version that was replaced or deleted stays: the longest time after which an incident is still looked into. */
export const noncurrentDays = 90;

const abortUploadDays = 7;

const ownIds = { 'holdfast-pulumi': '.pulumi/', 'holdfast-own': '.holdfast/' } as const;

const prefixes: readonly string[] = Object.values(ownIds);

const isOwn = ({ ID }: LifecycleRule): boolean => ID !== undefined && ID in ownIds;

/** Our rules as they should be beside those of others: where one of these keeps old versions for longer, they stay for longer. */
function ownRules(rules: readonly LifecycleRule[]): readonly LifecycleRule[] {
  return Object.entries(ownIds).map(([id, prefix]) => ({
    ID: id,
    Status: 'Enabled',
    Filter: { Prefix: prefix },
    ...(rules.some((rule) => !isOwn(rule) && keepsLonger(rule, prefix))
      ? {}
      : { NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays } }),
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortUploadDays },
    // The marker of a removed lock whose versions have all gone says nothing any more, and each one slows a listing down.
    Expiration: { ExpiredObjectDeleteMarker: true },
  }));
}

/** Of our rules, those that are missing or were changed, in words. */
export function missingRules(rules: readonly LifecycleRule[]): readonly string[] {
  return ownRules(rules)
    .filter((own) => !isSame(own, ruleOf(rules, own)))
    .map((own) => {
      const found = ruleOf(rules, own) === undefined ? 'is missing' : 'was changed';
      return `the rule "${own.ID ?? ''}" ${found}: what is replaced or deleted under ${prefixOf(own)} is to stay ${noncurrentDays} days, and uploads that never ended are to go`;
    });
}

/** All rules as they are, in their order, with ours as they should be. */
export function withOwnRules(rules: readonly LifecycleRule[]): LifecycleRule[] {
  const own = ownRules(rules);
  const kept = rules.map((rule) => ruleOf(own, rule) ?? rule);
  return [...kept, ...own.filter((rule) => ruleOf(rules, rule) === undefined)];
}

/**
 * What rules of somebody else take away that a recovery needs, each in words. Never changed here: whoever wrote such a rule may have been told to.
 */
export function harmfulRules(rules: readonly LifecycleRule[]): readonly string[] {
  return rules
    .filter((rule) => !isOwn(rule) && rule.Status === 'Enabled' && meetsOurKeys(rule))
    .flatMap((rule) => {
      const name = rule.ID === undefined || rule.ID === '' ? 'a rule without an ID' : `the rule "${rule.ID}"`;
      return harmsOf(rule).map((harm) => `${name} ${harm}`);
    });
}

function harmsOf({
  Expiration,
  NoncurrentVersionExpiration: noncurrent,
  Transitions,
  NoncurrentVersionTransitions,
}: LifecycleRule): string[] {
  const expires =
    Expiration?.Days !== undefined
      ? `after ${days(Expiration.Days)}`
      : Expiration?.Date !== undefined
        ? `on ${Expiration.Date.toISOString().slice(0, 10)}`
        : undefined;
  const early = noncurrent?.NoncurrentDays;
  const archives = Transitions?.find(({ StorageClass }) => isArchive(StorageClass));
  const archivesEarly = NoncurrentVersionTransitions?.find(
    ({ StorageClass, NoncurrentDays = 0 }) => isArchive(StorageClass) && NoncurrentDays < noncurrentDays,
  );
  return [
    ...(expires === undefined ? [] : [`expires current objects ${expires}: checkpoints, journal and quarantine would go`]),
    ...(early === undefined || early >= noncurrentDays
      ? []
      : [`expires replaced and deleted versions after ${days(early)}, before ${days(noncurrentDays)}`]),
    ...(archives === undefined ? [] : [`moves current objects to ${archives.StorageClass ?? ''}, where nothing can be read at once`]),
    ...(archivesEarly === undefined
      ? []
      : [
          `moves replaced and deleted versions to ${archivesEarly.StorageClass ?? ''} after ${days(archivesEarly.NoncurrentDays ?? 0)}, where nothing can be read at once`,
        ]),
  ];
}

const days = (count: number): string => `${count} day${count === 1 ? '' : 's'}`;

const isArchive = (storageClass: string | undefined): boolean => storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE';

/** No object of ours carries a tag. A limit of size is taken to meet some of them. */
function meetsOurKeys(rule: LifecycleRule): boolean {
  const { Filter } = rule;
  if (Filter?.Tag !== undefined || (Filter?.And?.Tags?.length ?? 0) > 0) return false;
  const prefix = prefixOf(rule);
  return prefixes.some((own) => prefix.startsWith(own) || own.startsWith(prefix));
}

/** Whether it lets old versions of every key of ours go, and none of them too early. */
function keepsLonger(rule: LifecycleRule, prefix: string): boolean {
  const { Filter, NoncurrentVersionExpiration: noncurrent } = rule;
  const narrowed = Filter?.Tag ?? Filter?.And ?? Filter?.ObjectSizeGreaterThan ?? Filter?.ObjectSizeLessThan;
  return (
    rule.Status === 'Enabled' &&
    narrowed === undefined &&
    prefix.startsWith(prefixOf(rule)) &&
    (noncurrent?.NoncurrentDays ?? 0) > noncurrentDays
  );
}

/** Rules from before filters have it beside them. */
function prefixOf(rule: LifecycleRule): string {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- such rules are still there
  return rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? rule.Prefix ?? '';
}

const ruleOf = (rules: readonly LifecycleRule[], { ID }: LifecycleRule): LifecycleRule | undefined => rules.find((rule) => rule.ID === ID);

/** By what they say: a store may leave out what is empty. */
function isSame(own: LifecycleRule, there: LifecycleRule | undefined): boolean {
  return isDeepStrictEqual(said(own), said(there));
}

const said = (rule: LifecycleRule | undefined): unknown => (rule === undefined ? undefined : (JSON.parse(JSON.stringify(rule)) as unknown));

import type { LifecycleRule } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { harmfulRules, missingRules, withOwnRules } from '../../orchestrator/aws/bucket-lifecycle.ts';

const own = withOwnRules([]);
/** As it was written before there were filters. */
const old = (prefix: string): Partial<LifecycleRule> => ({ Filter: undefined, ...Object.fromEntries([['Prefix', prefix]]) });

const rule = (different: Partial<LifecycleRule>): LifecycleRule => ({
  ID: 'theirs',
  Status: 'Enabled',
  Filter: { Prefix: '' },
  ...different,
});

describe('our rules', () => {
  it('keep what is replaced or deleted for 90 days, let unended uploads go after 7, and no current object', () => {
    expect(own.map(({ Filter }) => Filter?.Prefix)).toEqual(['.pulumi/', '.holdfast/']);
    for (const { NoncurrentVersionExpiration, AbortIncompleteMultipartUpload, Expiration } of own) {
      expect(NoncurrentVersionExpiration).toEqual({ NoncurrentDays: 90 });
      expect(AbortIncompleteMultipartUpload).toEqual({ DaysAfterInitiation: 7 });
      expect(Expiration).toEqual({ ExpiredObjectDeleteMarker: true });
    }
  });

  it('are missed where there are none, and not where they are', () => {
    expect(missingRules([])).toHaveLength(2);
    expect(missingRules(own)).toEqual([]);
    expect(harmfulRules(own)).toEqual([]);
  });

  it('are known by their ID and written anew where they were changed, in their place', () => {
    const changed = own.map((rule, n) => (n === 0 ? { ...rule, NoncurrentVersionExpiration: { NoncurrentDays: 1 } } : rule));
    const theirs = rule({ Expiration: { Days: 1 }, Filter: { Prefix: 'logs/' } });
    expect(missingRules([theirs, ...changed])).toEqual([expect.stringMatching(/"holdfast-pulumi" was changed/)]);
    expect(withOwnRules([theirs, ...changed])).toEqual([theirs, ...own]);
  });

  it('leave every other rule as it was, before them', () => {
    const theirs = [rule({ ID: 'b', Expiration: { Days: 3 } }), rule({ ID: 'a', ...old('x') })];
    expect(withOwnRules(theirs)).toEqual([...theirs, ...own]);
    expect(withOwnRules(withOwnRules(theirs))).toEqual(withOwnRules(theirs));
  });

  it('do not shorten what another rule keeps for longer', () => {
    const theirs = rule({ NoncurrentVersionExpiration: { NoncurrentDays: 365 } });
    const merged = withOwnRules([theirs]);
    expect(merged.map(({ NoncurrentVersionExpiration }) => NoncurrentVersionExpiration)).toEqual([
      { NoncurrentDays: 365 },
      undefined,
      undefined,
    ]);
    expect(missingRules(merged)).toEqual([]);
    const disabled = withOwnRules([{ ...theirs, Status: 'Disabled' }]);
    expect(disabled.slice(1)).toEqual(own);
    expect(withOwnRules([{ ...theirs, Filter: { Prefix: '.pulumi/stacks/' } }]).slice(1)).toEqual(own);
    expect(withOwnRules([{ ...theirs, Filter: { ObjectSizeLessThan: 10 } }]).slice(1)).toEqual(own);
  });
});

describe('a rule of somebody else', () => {
  it.each<[string, Partial<LifecycleRule>, RegExp]>([
    ['expires current objects', { Expiration: { Days: 3650 } }, /^the rule "theirs" expires current objects after 3650 days/],
    ['expires current objects on a day', { Expiration: { Date: new Date('2031-05-06T00:00:00Z') } }, /current objects on 2031-05-06/],
    ['expires old versions early', { NoncurrentVersionExpiration: { NoncurrentDays: 89 } }, /versions after 89 days, before 90 days/],
    [
      'expires old versions early, and keeps a few',
      { NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 5 } },
      /after 1 day, before/,
    ],
    ['archives current objects', { Transitions: [{ Days: 30, StorageClass: 'GLACIER' }] }, /moves current objects to GLACIER/],
    [
      'archives old versions early',
      { NoncurrentVersionTransitions: [{ NoncurrentDays: 30, StorageClass: 'DEEP_ARCHIVE' }] },
      /versions to DEEP_ARCHIVE after 30 days/,
    ],
    ['has a prefix of ours', { Filter: { Prefix: '.holdfast/quarantine/' }, Expiration: { Days: 400 } }, /expires current objects/],
    ['has a prefix beside a size', { Filter: { And: { Prefix: '.pul', ObjectSizeGreaterThan: 1 } }, Expiration: { Days: 4 } }, /expires/],
    ['is from before filters', { ...old('.pulumi/'), Expiration: { Days: 4 } }, /expires current objects/],
    ['has no ID', { ID: undefined, Expiration: { Days: 4 } }, /^a rule without an ID expires/],
  ])('that %s is named', (_, different, says) => {
    expect(harmfulRules([rule(different)])).toEqual([expect.stringMatching(says)]);
  });

  it.each<[string, Partial<LifecycleRule>]>([
    ['is disabled', { Status: 'Disabled', Expiration: { Days: 1 } }],
    ['is for other keys', { Filter: { Prefix: 'logs/' }, Expiration: { Days: 1 } }],
    ['is for tagged objects, and ours have no tag', { Filter: { Tag: { Key: 'a', Value: 'b' } }, Expiration: { Days: 1 } }],
    ['is for objects with several tags', { Filter: { And: { Tags: [{ Key: 'a', Value: 'b' }] } }, Expiration: { Days: 1 } }],
    ['keeps old versions for 90 days', { NoncurrentVersionExpiration: { NoncurrentDays: 90 } }],
    ['takes markers away that stand alone', { Expiration: { ExpiredObjectDeleteMarker: true } }],
    ['moves objects where they can be read at once', { Transitions: [{ Days: 30, StorageClass: 'GLACIER_IR' }] }],
    ['archives old versions late', { NoncurrentVersionTransitions: [{ NoncurrentDays: 90, StorageClass: 'GLACIER' }] }],
  ])('that %s is left alone', (_, different) => {
    expect(harmfulRules([rule(different)])).toEqual([]);
  });

  it('with two harms is named for each', () => {
    expect(harmfulRules([rule({ Expiration: { Days: 9 }, NoncurrentVersionExpiration: { NoncurrentDays: 9 } })])).toHaveLength(2);
  });
});

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { policyOf } from '../../../orchestrator/aws/permissions/policy.ts';
import { roles } from '../../../orchestrator/aws/permissions/roles.ts';
import { readNetwork } from '../../../orchestrator/network/read-network.ts';

/** S3, S10, S11: what the policies of docs/roles.md let through. */
const read = await readNetwork(fileURLToPath(new URL('../../../networks/example.yaml', import.meta.url)));
if (!read.ok) throw new Error('no example');
const { spec } = read.value;
const statements = (role: (typeof roles)[number]) => policyOf(role, spec).Statement;

describe('the policy of watch', () => {
  it('lets it write no event of the journal but that a lock is gone, or is back', () => {
    const journal = statements('watch').filter(
      ({ Effect, Action, Resource }) =>
        Effect === 'Allow' && Action?.includes('s3:PutObject') && Resource.some((arn) => arn.includes('/.holdfast/runs/')),
    );
    for (const { Resource } of journal)
      for (const arn of Resource.filter((each) => each.includes('/runs/'))) expect(arn).toMatch(/-(lock-lost|lock-restored)\.json$/);
  });
});

describe('what no role may do', () => {
  const denied = (role: (typeof roles)[number]): string[] =>
    statements(role).flatMap(({ Effect, Action, Condition }) => (Effect === 'Deny' && Condition === undefined ? (Action ?? []) : []));
  it.each([
    's3:PutEncryptionConfiguration',
    's3:PutReplicationConfiguration',
    's3:PutBucketPublicAccessBlock',
    's3:PutBucketAcl',
    's3:PutObjectAcl',
    's3:PutBucketOwnershipControls',
    's3:PutBucketObjectLockConfiguration',
  ])('has %s in it: it makes evidence unreadable, or readable by others', (action) => {
    for (const role of roles.filter((each) => each !== 'bootstrap')) expect(denied(role)).toContain(action);
  });
  it('has a dossier written over in it, as a copy in quarantine', () => {
    const once = statements('apply').find(({ Sid }) => Sid === 'EvidenceIsWrittenOnce');
    expect(once?.Resource.some((arn) => arn.includes('/dossiers/'))).toBe(true);
  });
});

describe('the policy of apply', () => {
  it('changes and deletes nothing in EC2 that does not bear the tag of this installation', () => {
    const changes = /^ec2:(Delete|Modify|Replace|Disassociate|Disable)/;
    for (const { Effect, Action, Condition } of statements('apply'))
      if (Effect === 'Allow' && Action?.some((action) => changes.test(action)))
        expect(JSON.stringify(Condition ?? {})).toContain('aws:ResourceTag/holdfast:');
  });
  it('tags only what it makes, or what is its own', () => {
    for (const { Effect, Action, Condition } of statements('apply'))
      if (Effect === 'Allow' && Action?.includes('ec2:CreateTags'))
        expect(JSON.stringify(Condition ?? {})).toMatch(/ec2:CreateAction|aws:ResourceTag/);
  });
});

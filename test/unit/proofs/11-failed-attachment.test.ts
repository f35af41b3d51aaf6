import { describe, expect, it } from 'vitest';
import { phaseOf } from '../../../orchestrator/aws/resource-types/gateways.ts';
import { decided, deploymentOf, evidenceOf, pending, raw, tagged, told } from '../support/recovery.ts';
import { subjectsOf } from '../../../orchestrator/recovery/subjects.ts';

describe('H11: an attachment that AWS shows as "failed" (or "rejected"), which it does for two hours and cannot be deleted', () => {
  it('can be decided, by the evidence or by a person: it will never be there', () => {
    const phase = phaseOf('failed') ?? 'there';
    const versions = [deploymentOf([], [pending('creating', raw('attachment'))])];
    const objects = [tagged('vpc-failed', 'attachment', { phase })];
    const alone = decided({ versions, objects });
    const answered = told(subjectsOf(evidenceOf({ versions, objects, answers: [{ resource: 'attachment', answer: 'forget' }] })));
    const disowned = told(
      subjectsOf(evidenceOf({ versions, objects, answers: [{ resource: 'attachment', answer: 'disown', id: 'vpc-failed' }] })),
    );
    expect([alone, answered, disowned].map(([line]) => line?.split(' ')[1])).not.toEqual(['wait', 'wait', 'wait']);
  });
});

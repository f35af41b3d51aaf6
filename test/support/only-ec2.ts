import type { EC2Client } from '@aws-sdk/client-ec2';
import type { LookClients } from '../../orchestrator/aws/resource-types/resource-type.ts';

/** The clients of a look that has nothing to ask of other services, and fails where it does. */
export const onlyEc2 = (ec2: EC2Client): LookClients => ({
  ec2,
  sns: () => Promise.reject(new Error('SNS was asked')),
  cloudwatch: () => Promise.reject(new Error('CloudWatch was asked')),
});

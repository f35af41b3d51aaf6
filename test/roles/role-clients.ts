import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import type { LabRig } from '../support/lab-rig.ts';

/** Clients of a session of the role, under this policy where one is given. What they ask is asked once. */
export async function clientsOf(
  rig: LabRig,
  role: string,
  policy?: object,
): Promise<{ readonly ec2: EC2Client; readonly s3: S3Client; readonly close: () => void }> {
  if (policy) await rig.setRole(role, policy);
  const session = await rig.sessionOf(role);
  const settings = {
    ...rig.client,
    maxAttempts: 1,
    credentials: {
      accessKeyId: session['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: session['AWS_SECRET_ACCESS_KEY'] ?? '',
      sessionToken: session['AWS_SESSION_TOKEN'] ?? '',
    },
  };
  const [ec2, s3] = [new EC2Client(settings), new S3Client({ ...settings, forcePathStyle: true })];
  return {
    ec2,
    s3,
    close: () => {
      ec2.destroy();
      s3.destroy();
    },
  };
}

/** @returns `done`, or the name of AWS's error */
export const answer = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (cause: unknown) => (cause instanceof Error ? cause.name : String(cause)),
  );

import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
  STSClient,
  type Credentials,
} from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { account, present, refusal, useEmulator } from './emulator-lab.ts';

const lab = useEmulator();
const minute = 60_000;

const assume = (DurationSeconds?: number, RoleArn = `arn:aws:iam::${account}:role/team/deploy`, sts = lab.sts) =>
  sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'run-1', DurationSeconds }));
const as = (credentials: Credentials | undefined) => {
  const { AccessKeyId, SecretAccessKey, SessionToken } = present(credentials);
  return new STSClient({
    ...lab.config(),
    credentials: { accessKeyId: present(AccessKeyId), secretAccessKey: present(SecretAccessKey), sessionToken: present(SessionToken) },
  });
};
const minutesLeft = (credentials: Credentials | undefined) =>
  Math.round((present(present(credentials).Expiration).getTime() - Date.now()) / minute);

describe('a session', () => {
  test.each([
    [undefined, 60],
    [900, 15],
    [43_200, 720],
  ])('of %s seconds ends after %i minutes', async (seconds, minutes) => {
    expect(minutesLeft((await assume(seconds)).Credentials)).toBe(minutes);
  });

  test('of an hour at most is given to a role that a role assumed', async () => {
    const first = await assume(43_200);
    const chained = (seconds: number) => assume(seconds, `arn:aws:iam::${account}:role/next`, as(first.Credentials));
    expect(await refusal(chained(3601))).toBe('ValidationError');
    expect(minutesLeft((await chained(3600)).Credentials)).toBe(60);
  });

  test('is neither shorter than 15 minutes nor longer than 12 hours', async () => {
    expect(await refusal(assume(899))).toBe('ValidationError');
    expect(await refusal(assume(43_201))).toBe('ValidationError');
  });

  test('says who it is, the same each time', async () => {
    const { Credentials, AssumedRoleUser } = await assume();
    const arn = `arn:aws:sts::${account}:assumed-role/deploy/run-1`;
    expect(AssumedRoleUser?.Arn).toBe(arn);
    const identity = await as(Credentials).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({ Account: account, Arn: arn, UserId: AssumedRoleUser?.AssumedRoleId });
  });

  test('of another account’s role is in that account', async () => {
    const { Credentials } = await assume(undefined, 'arn:aws:iam::999988887777:role/deploy');
    expect(await as(Credentials).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: '999988887777',
      Arn: 'arn:aws:sts::999988887777:assumed-role/deploy/run-1',
    });
  });

  test('of a web identity has its length and its name too', async () => {
    const { Credentials, AssumedRoleUser } = await lab.sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: `arn:aws:iam::${account}:role/ci`,
        RoleSessionName: 'job-7',
        WebIdentityToken: 'header.payload==.signature',
        DurationSeconds: 1800,
      }),
    );
    expect(minutesLeft(Credentials)).toBe(30);
    expect(await as(Credentials).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: account,
      Arn: `arn:aws:sts::${account}:assumed-role/ci/job-7`,
      UserId: AssumedRoleUser?.AssumedRoleId,
    });
  });
});

test('a long-lived key is a user of the lab’s account', async () => {
  expect(await lab.sts.send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: account, Arn: `arn:aws:iam::${account}:user/lab` });
});

import { describe, expect, it } from 'vitest';
import { openSession } from '../../orchestrator/aws/session.ts';
import type { Expiry, Session } from '../../orchestrator/aws/session.ts';
import { RunSession } from '../../orchestrator/cli/run-session.ts';
import { ok } from '../../orchestrator/domain/problem.ts';

const sessionOf = (accessKeyId: string, expiry: Expiry, renewed?: Session): Session => ({
  source: 'test',
  credentials: { accessKeyId, secretAccessKey: 'secret' },
  expiry,
  renew: renewed && (() => Promise.resolve(ok(renewed))),
});

const at = (time: string): Date => new Date(`2030-01-01T${time}:00.000Z`);
const k2 = sessionOf('K2', at('03:00'));
const keyOf = ({ credentials }: Session): string => credentials.accessKeyId;

describe('a renewed session', () => {
  it('is what engines and clients have from then on', async () => {
    const session = new RunSession(sessionOf('K1', at('01:00'), k2), 'holdfast-r1', () => at('00:50').getTime());
    expect(await session.renew()).toBe(true);
    expect([keyOf(session.current), session.record()]).toEqual([
      'K2',
      { accessKeyId: 'K2', session: 'holdfast-r1', expires: '2030-01-01T03:00:00.000Z' },
    ]);
  });

  it('that is the one before it is no new one', async () => {
    const session = new RunSession(sessionOf('K1', at('01:00'), sessionOf('K1', at('01:00'))), 'holdfast-r1', () => 0);
    expect(await session.renew()).toBe(false);
  });
});

describe('an expiry that a person states', () => {
  it.each([
    ['of keys that never expire', 'never'],
    ['of credentials of which nothing says when they end', 'unknown'],
    ['before the one that the source says', at('03:00')],
  ] as const)('%s ends the run, and is recorded beside what the source says', (_, expiry) => {
    const stated = { ...sessionOf('K1', expiry), stated: at('01:00') };
    const session = new RunSession(stated, 'holdfast-r1', () => at('00:50').getTime());
    expect(session.remainingSeconds()).toBe(600);
    expect(session.record()).toEqual({
      accessKeyId: 'K1',
      session: 'holdfast-r1',
      expires: expiry instanceof Date ? expiry.toISOString() : expiry,
      statedExpires: '2030-01-01T01:00:00.000Z',
    });
  });

  it('after the one that the source says lengthens nothing', () => {
    const stated = { ...sessionOf('K1', at('01:00')), stated: at('05:00') };
    expect(new RunSession(stated, 'holdfast-r1', () => at('00:50').getTime()).remainingSeconds()).toBe(600);
  });
});

describe('credentials in the environment', () => {
  const opened = async (env: Record<string, string>, statedExpiry?: Date): Promise<Pick<Session, 'expiry' | 'stated'>> => {
    const session = await openSession({
      target: { kind: 'REAL', endpoints: {} },
      region: 'eu-west-1',
      sessionName: 'holdfast-r1',
      env: { AWS_ACCESS_KEY_ID: 'K', AWS_SECRET_ACCESS_KEY: 'secret', ...env },
      ...(statedExpiry === undefined ? {} : { statedExpiry }),
    });
    if (!session.ok) throw new Error('no session');
    const { expiry, stated } = session.value;
    return { expiry, ...(stated === undefined ? {} : { stated }) };
  };
  const noon = '2030-01-01T12:00:00.000Z';

  it.each([
    ['long-term keys', {}, undefined, { expiry: 'never' }],
    [
      'long-term keys beside an expiry that is not theirs',
      { AWS_CREDENTIAL_EXPIRATION: noon },
      undefined,
      { expiry: 'never', stated: new Date(noon) },
    ],
    ['long-term keys with --session-expires', {}, new Date(noon), { expiry: 'never', stated: new Date(noon) }],
    ['a session without an expiry', { AWS_SESSION_TOKEN: 't' }, undefined, { expiry: 'unknown' }],
    [
      'a session with an expiry that is no time',
      { AWS_SESSION_TOKEN: 't', AWS_CREDENTIAL_EXPIRATION: 'soon' },
      undefined,
      { expiry: 'unknown' },
    ],
    ['a session with its expiry', { AWS_SESSION_TOKEN: 't', AWS_CREDENTIAL_EXPIRATION: noon }, undefined, { expiry: new Date(noon) }],
    [
      'a session without an expiry, with --session-expires',
      { AWS_SESSION_TOKEN: 't' },
      new Date(noon),
      { expiry: 'unknown', stated: new Date(noon) },
    ],
  ])('expire when their source says so, and never because a person does: %s', async (_, env, statedExpiry, expected) => {
    expect(await opened(env as Record<string, string>, statedExpiry)).toEqual(expected);
  });
});

import { describe, expect, it } from 'vitest';
import type { Expiry, Session } from '../../orchestrator/aws/session.ts';
import { RunSession } from '../../orchestrator/cli/run-session.ts';
import { ok } from '../../orchestrator/domain/problem.ts';
import { deferred } from './support/deferred.ts';

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
  it('is used neither by engines nor by clients until it is written down', async () => {
    const session = new RunSession(sessionOf('K1', at('01:00'), k2), 'holdfast-r1', () => at('00:50').getTime());
    const written = deferred();
    const records: unknown[] = [];
    const renewal = session.renew((record) => {
      records.push(record);
      return written.promise;
    });
    await Promise.resolve();
    await Promise.resolve();
    expect(records).toEqual([{ accessKeyId: 'K2', session: 'holdfast-r1', expires: '2030-01-01T03:00:00.000Z' }]);
    expect([keyOf(session.current), keyOf(session.signing), session.record().accessKeyId]).toEqual(['K1', 'K1', 'K1']);
    written.resolve();
    expect(await renewal).toBe(true);
    expect([keyOf(session.current), keyOf(session.signing), session.record().accessKeyId]).toEqual(['K2', 'K2', 'K2']);
  });

  it('is dropped where it cannot be written down', async () => {
    const session = new RunSession(sessionOf('K1', at('01:00'), k2), 'holdfast-r1', () => at('00:50').getTime());
    await expect(session.renew(() => Promise.reject(new Error('SlowDown')))).rejects.toThrow('SlowDown');
    expect([keyOf(session.current), keyOf(session.signing)]).toEqual(['K1', 'K1']);
  });

  it('signs its own entry where the one before it has expired, and no engine gets it before', async () => {
    const session = new RunSession(sessionOf('K1', at('01:00'), k2), 'holdfast-r1', () => at('01:00').getTime());
    const during: string[] = [];
    await session
      .renew(() => {
        during.push(keyOf(session.current), keyOf(session.signing));
        return Promise.reject(new Error('SlowDown'));
      })
      .catch(() => undefined);
    expect([...during, keyOf(session.signing)]).toEqual(['K1', 'K2', 'K1']);
  });

  it('that is the one before it is not written down again', async () => {
    const session = new RunSession(sessionOf('K1', at('01:00'), sessionOf('K1', at('01:00'))), 'holdfast-r1', () => 0);
    expect(await session.renew(() => Promise.reject(new Error('written down again')))).toBe(false);
  });
});

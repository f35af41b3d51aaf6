import type { LockOwner } from '../../../orchestrator/locks/run-locks.ts';

export const ownerOf = (run: string): LockOwner => ({
  run,
  operation: 'up',
  user: 'ada',
  host: 'build-7',
  pid: 42,
  accessKeyId: 'AKIATEST',
  session: `holdfast-${run}`,
  expires: '2030-01-01T02:00:00.000Z',
  startedAt: '2030-01-01T00:00:00.000Z',
});

import { formatSeconds } from '../../domain/duration.ts';
import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { shortOf } from '../../domain/stack-name.ts';
import { describeHeld } from '../../run/standing.ts';
import type { Standings } from '../../run/standing.ts';
import { styleFor } from '../../ui/reporter.ts';
import type { Style } from '../../ui/reporter.ts';
import { table } from '../../ui/table.ts';
import type { CommonFlags, Context } from '../context.ts';
import { describeTold, refuseNobody, watch } from '../lock-alarm.ts';
import { describeOld, lockStatuses } from '../lock-status.ts';
import type { LockStatus } from '../lock-status.ts';
import { print, report } from '../report.ts';
import { withBucket } from '../with-bucket.ts';

export interface LocksFlags extends CommonFlags {
  /** Seconds. */
  readonly maxAge?: number;
  /** Tells the network's notifiers. */
  readonly notify: boolean;
}

/** Every lock of the network, and who is behind it. Reads the bucket alone; over age means that somebody should look, and never that it may go. */
export async function locks(this: Context, flags: LocksFlags): Promise<void> {
  await report(this, flags, (emit) =>
    withBucket(this, flags, 'locks', emit, async (opened): Promise<ExitCode> => {
      const { read, header, notes, file } = opened;
      if (flags.notify) refuseNobody(file);
      const { standings } = await read();
      const maxAge = flags.maxAge ?? (flags.notify ? file.network.spec.guardrails?.lockAge : undefined);
      const found = lockStatuses(standings, this.now(), maxAge);
      const old = found.filter(({ tooOld }) => tooOld);
      const told = flags.notify ? await watch(this, opened, found, standings) : undefined;
      if (flags.json)
        print(
          this,
          JSON.stringify({
            ...header(),
            ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge }),
            locks: found,
            ...(told === undefined ? {} : { told }),
            notes,
            unreadable: standings.unreadable,
          }),
        );
      else {
        print(this, describeLocks(file.network.spec.network, found, standings, styleFor(this.process.stdout, this.env)));
        for (const line of describeTold(told ?? [])) print(this, line);
      }
      return worstOf([
        old.length > 0 ? exitCodes.found : exitCodes.done,
        told?.some(({ outcome }) => outcome === 'failed') === true ? exitCodes.failed : exitCodes.done,
      ]);
    }),
  );
}

function describeLocks(network: string, found: readonly LockStatus[], standings: Standings, style: Style): string {
  const word: Record<LockStatus['standing'], string> = {
    held: style.red('HELD'),
    'at-work': style.green('at work'),
    frozen: style.cyan('FROZEN'),
    'left-over': style.dim('left over'),
    unknown: style.yellow('unknown'),
  };
  const rows = found.map((lock) => [
    lock.short,
    word[lock.standing],
    lock.operation ?? '',
    formatSeconds(lock.ageSeconds),
    lock.owner,
    lock.process,
    lock.ciLink ?? '',
  ]);
  const held = [...standings.byStack].flatMap(([stack, standing]) =>
    standing.kind === 'held' ? [style.red(describeHeld(shortOf(stack), standing))] : [],
  );
  return [
    found.length === 0 ? `No lock stands on ${network}.` : table(rows, style.columns),
    ...held,
    ...found.filter(({ tooOld }) => tooOld).map((lock) => style.yellow(describeOld(lock))),
    ...standings.unreadable.map((record) => `cannot be read, so that nobody knows what it says of a stack: ${record}`),
  ].join('\n');
}

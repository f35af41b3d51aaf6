import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { describeLocks, describeTold } from '../../ui/locks.ts';
import { styleFor } from '../../ui/reporter.ts';
import type { CommonFlags, Context } from '../context.ts';
import { refuseNobody, watch } from '../lock-alarm.ts';
import { lockStatuses } from '../../ui/lock-status.ts';
import { print, printJson, report } from '../report.ts';
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
        printJson(this, {
          ...header(),
          ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge }),
          locks: found,
          ...(told === undefined ? {} : { told }),
          notes,
          unreadable: standings.unreadable,
          strays: standings.strays,
        });
      else {
        print(this, describeLocks, file.network.spec.network, found, standings, styleFor(this.process.stdout, this.env));
        if (told !== undefined && told.length > 0) print(this, describeTold, told);
      }
      return worstOf([
        old.length > 0 ? exitCodes.found : exitCodes.done,
        told?.some(({ outcome }) => outcome === 'failed') === true ? exitCodes.failed : exitCodes.done,
      ]);
    }),
  );
}

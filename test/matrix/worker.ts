import process from 'node:process';
import { recordRecovery, runCase, runSecondCase } from './case.ts';
import type { CaseResult } from './case.ts';
import type { Point } from './calls.ts';
import { cellOf, parts, secondCellOf } from './cells.ts';
import type { CellName, SecondName } from './cells.ts';
import type { AwsLook } from './oracle.ts';
import { Room } from './room.ts';
import type { Recording } from './room.ts';

/** A process with a lab of its own, which runs one case after another. It ends with whoever started it. */

export type Order =
  | { readonly kind: 'record'; readonly part: string }
  | { readonly kind: 'case'; readonly cell: CellName; readonly look: AwsLook }
  | { readonly kind: 'record-recovery'; readonly base: CellName }
  | { readonly kind: 'second'; readonly cell: SecondName; readonly look: AwsLook }
  | { readonly kind: 'close' };

export type Answer =
  | { readonly kind: 'open' }
  | { readonly kind: 'recorded'; readonly recording: Recording }
  | { readonly kind: 'recovery-recorded'; readonly points: readonly Point[] }
  | { readonly kind: 'ended'; readonly result: CaseResult }
  | { readonly kind: 'failed'; readonly why: string };

const say = (answer: Answer): void => void process.send?.(answer);

async function obey(room: Room, order: Order): Promise<void> {
  switch (order.kind) {
    case 'record': {
      const part = parts.find(({ name }) => name === order.part);
      if (!part) throw new Error(`there is no part ${order.part}`);
      say({ kind: 'recorded', recording: await room.record(part) });
      return;
    }
    case 'case':
      say({ kind: 'ended', result: await runCase(room, cellOf(order.cell), order.look) });
      return;
    case 'record-recovery':
      say({ kind: 'recovery-recorded', points: await recordRecovery(room, cellOf(order.base)) });
      return;
    case 'second': {
      const second = secondCellOf(order.cell);
      say({ kind: 'ended', result: await runSecondCase(room, second.base, second, order.look) });
      return;
    }
    case 'close':
      await room.close();
      process.disconnect();
  }
}

const failed = (cause: unknown): void =>
  say({ kind: 'failed', why: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) });

if (process.send !== undefined) {
  // Ctrl-C reaches the whole group; whoever started this decides what ends.
  process.on('SIGINT', () => undefined);
  const opening = Room.open();
  process.on('message', (order) => void opening.then((room) => obey(room, order as Order)).catch(failed));
  process.once('disconnect', () => void opening.then((room) => room.close()).finally(() => process.exit()));
  opening.then(() => say({ kind: 'open' }), failed);
}

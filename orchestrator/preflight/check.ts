import { exitCodes } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';

export type Command = 'up' | 'plan' | 'destroy' | 'preflight' | 'status' | 'inventory' | 'recover';

/** What one look before a run came to. */
export interface CheckResult {
  readonly id: string;
  readonly title: string;
  /** `not-checked`: what it is about could not be looked at, so nothing is known of it. */
  readonly outcome: 'ok' | 'not-checked' | 'warn' | 'fail';
  /** One line. */
  readonly message: string;
  /** What is to be read below it, a line each. */
  readonly lines?: readonly string[];
  /** What to do, where it is not ok. */
  readonly next?: string;
  readonly file?: string;
  readonly line?: number;
  /** The commands that a failure of it stops; others are only warned. */
  readonly fatalFor: readonly Command[];
  /** Present where the failure ends this command. */
  readonly exitCode?: ExitCode;
}

export type CheckOutcome =
  | { readonly outcome: 'ok'; readonly message: string }
  | { readonly outcome: 'not-checked'; readonly message: string }
  | { readonly outcome: 'warn'; readonly message: string; readonly lines?: readonly string[]; readonly next: string }
  | {
      readonly outcome: 'fail';
      readonly message: string;
      readonly lines?: readonly string[];
      readonly next: string;
      readonly file?: string;
      readonly line?: number;
    };

export const ok = (message: string): Extract<CheckOutcome, { outcome: 'ok' }> => ({ outcome: 'ok', message });
export const notChecked = (because: string): CheckOutcome => ({ outcome: 'not-checked', message: because });
export const warn = (message: string, next: string): CheckOutcome => ({ outcome: 'warn', message, next });
/** Several things to say, a line each. */
export const inLines = ([message = '', ...lines]: readonly string[]) => ({ message, ...(lines.length === 0 ? {} : { lines }) });
export const fail = (message: string, next: string): Extract<CheckOutcome, { outcome: 'fail' }> => ({ outcome: 'fail', message, next });

/** One check, and the commands that it stops. Others are only warned. */
export interface Check<Facts> {
  readonly id: string;
  readonly title: string;
  readonly fatalFor: readonly Command[];
  /** Exit code of a command that it stops, where it is not that of a preflight that refuses. */
  readonly exitCode?: ExitCode;
  readonly look: (facts: Facts) => CheckOutcome | Promise<CheckOutcome>;
}

/** Every check, also after the first failure: a person wants the whole list at once. */
export async function runChecks<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
  command: Command,
  onResult: (result: CheckResult) => void,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { id, title, fatalFor, exitCode = exitCodes.preflightRefused, look } of checks) {
    const seen = await look(facts);
    const fatal = seen.outcome === 'fail' && fatalFor.includes(command);
    const outcome = seen.outcome === 'fail' && !fatal ? 'warn' : seen.outcome;
    const result: CheckResult = { id, title, ...seen, outcome, fatalFor, ...(fatal ? { exitCode } : {}) };
    results.push(result);
    onResult(result);
  }
  return results;
}

/** Exit codes of every command, as documented in the README. Where several apply, `worstOf` picks the one that a caller must act on first. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  preflightRefused: 3,
  held: 4,
  personMustDecide: 5,
  lockedByOther: 6,
  found: 7,
  stoppedBySignal: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Most urgent first. */
const precedence: readonly ExitCode[] = [5, 4, 6, 3, 2, 1, 130, 7, 0];

export function worstOf(codes: readonly ExitCode[]): ExitCode {
  return precedence.find((code) => codes.includes(code)) ?? exitCodes.done;
}

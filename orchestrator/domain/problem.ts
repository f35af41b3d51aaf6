import type { ExitCode } from './exit-codes.ts';
import { visible } from './foreign.ts';

/** Something that a person has to know and act on: what happened, to what, and what to do next. An expected failure, so a value and not an exception. */
export interface Problem {
  /** Kebab-case, stable: scripts may match on it. */
  readonly reason: string;
  /** One line; below it may be what a tool printed. */
  readonly message: string;
  /** What is to be read below it, a line each. */
  readonly lines?: readonly string[];
  /** What to do next, with the command where there is one. */
  readonly next: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
}

export type Result<T, P = readonly Problem[]> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: P };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });
export const notOk = (...problems: Problem[]): { readonly ok: false; readonly problems: readonly Problem[] } => ({ ok: false, problems });

/** Carries problems out of a command to the one place that prints them and sets the exit code. */
export class Refusal extends Error {
  readonly problems: readonly Problem[];
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, ...problems: readonly Problem[]) {
    super(problems.map((p) => p.message).join('; '));
    this.name = 'Refusal';
    this.problems = problems;
    this.exitCode = exitCode;
  }
}

/** The value, or a Refusal with the result's problems. */
export function orRefuse<T>(result: Result<T>, exitCode: ExitCode): T {
  if (result.ok) return result.value;
  throw new Refusal(exitCode, ...result.problems);
}

/** More of one error is not read. */
const mostCharacters = 2000;

/** For causes that come from libraries as `unknown`: one line, of printable characters, as the words are AWS's, the system's or a library's. */
export function messageOf(cause: unknown): string {
  return visible(saidBy(cause), mostCharacters);
}

/** All that an error says, as it came: for what becomes text of others. A sentence of Holdfast's takes `messageOf`. */
export const saidBy = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

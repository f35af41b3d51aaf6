import type { Problem, Result } from '../../../orchestrator/domain/problem.ts';

/** The value of a result that has to be well. */
export function valueOf<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(`expected no problem, got: ${result.problems.map(({ message }) => message).join('; ')}`);
}

/** The problems of a result that has to be refused. */
export function problemsOf(result: Result<unknown>): readonly Problem[] {
  if (!result.ok) return result.problems;
  throw new Error('expected problems, got none');
}

/** The one problem of a result: more of them, or none, is an error. */
export function problemOf(result: Result<unknown>): Problem {
  const [problem, ...others] = problemsOf(result);
  if (!problem || others.length > 0) throw new Error(`expected one problem, got: ${JSON.stringify([problem, ...others])}`);
  return problem;
}

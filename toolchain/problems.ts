import type { Problem } from '../orchestrator/domain/problem.ts';
import { suitableClis } from './versions.ts';
import type { Part } from './progress.ts';

/** Why one source of a tool did not give it. */
export type Attempt =
  | { readonly reason: 'not-on-path' }
  | { readonly reason: 'unsuitable-version'; readonly path: string; readonly found: string }
  | { readonly reason: 'unreachable'; readonly site: string; readonly detail: string }
  | { readonly reason: 'failed-lately'; readonly site: string; readonly atMs: number; readonly detail: string }
  | { readonly reason: 'download-timed-out'; readonly site: string; readonly afterMs: number }
  | { readonly reason: 'download-failed'; readonly site: string; readonly detail: string }
  | { readonly reason: 'go-missing'; readonly wanted: string }
  | { readonly reason: 'go-too-old'; readonly found: string; readonly wanted: string }
  | { readonly reason: 'build-failed'; readonly step: string; readonly detail: string }
  | { readonly reason: 'built-one-not-wanted' };

/** A tool that no source gave: one problem, with what was tried. */
export interface ToolMissing extends Problem {
  readonly reason: 'no-pulumi-cli' | 'no-aws-plugin';
  readonly attempts: readonly Attempt[];
}

/** Those that a command cannot do without. */
type Needed = Exclude<Part, 'actionlint'>;

const titles = { 'pulumi-cli': 'the Pulumi CLI', 'aws-plugin': "Pulumi's aws plugin" } as const satisfies Record<Needed, string>;

export function toolMissing(part: Needed, attempts: readonly Attempt[]): ToolMissing {
  return {
    reason: part === 'pulumi-cli' ? 'no-pulumi-cli' : 'no-aws-plugin',
    message: [`${titles[part]} cannot be had. Tried:`, ...attempts.map((attempt) => `  - ${describe(attempt)}`)].join('\n'),
    next: adviceFor(part, attempts),
    attempts,
  };
}

function adviceFor(part: Needed, attempts: readonly Attempt[]): string {
  const go = attempts.find((attempt) => attempt.reason === 'go-missing' || attempt.reason === 'go-too-old');
  const official =
    part === 'pulumi-cli'
      ? `install the Pulumi CLI (${suitableClis}) from https://www.pulumi.com/docs/iac/download-install/`
      : 'install the plugin where get.pulumi.com can be reached: pulumi plugin install resource aws (the version is in toolchain/versions.ts)';
  if (go !== undefined) return `Either ${official}; or install Go ${go.wanted} or newer from https://go.dev/dl/, to build ${titles[part]}.`;
  const build = attempts.some((attempt) => attempt.reason === 'build-failed');
  return build ? `Either ${official}; or let the build reach a Go module proxy (GOPROXY), and try again.` : `${capital(official)}.`;
}

export function describe(attempt: Attempt): string {
  switch (attempt.reason) {
    case 'not-on-path':
      return 'PATH: no pulumi there';
    case 'unsuitable-version':
      return `PATH: ${attempt.path} is ${attempt.found}; wanted is ${suitableClis}`;
    case 'unreachable':
      return `download: ${attempt.site} cannot be reached (${attempt.detail})`;
    case 'failed-lately':
      return `download: not tried, it failed at ${new Date(attempt.atMs).toISOString()} (${attempt.detail})`;
    case 'download-timed-out':
      return `download: nothing within ${attempt.afterMs / 1000} s from ${attempt.site}`;
    case 'download-failed':
      return `download: ${attempt.detail}`;
    case 'go-missing':
      return `build: no Go on PATH; wanted is ${attempt.wanted} or newer`;
    case 'go-too-old':
      return `build: Go is ${attempt.found}; wanted is ${attempt.wanted} or newer`;
    case 'build-failed':
      return `build: ${attempt.step} failed:\n${attempt.detail.replaceAll(/^/gm, '      ')}`;
    case 'built-one-not-wanted':
      return 'build: not done, only the official one will do here';
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

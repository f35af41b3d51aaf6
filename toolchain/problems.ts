import { dirname } from 'node:path';
import { commandOf, lineOf, script } from '../orchestrator/domain/command.ts';
import type { Problem } from '../orchestrator/domain/problem.ts';
import type { Foreign } from './own-folder.ts';
import { awsPluginVersion, platform, suitableClis } from './versions.ts';
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
  | { readonly reason: 'built-one-not-wanted' }
  /** SHA-256 of what is there, and what it is to be. */
  | { readonly reason: 'other-checksum'; readonly file: string; readonly found: string; readonly wanted: string };

/** A tool that no source gave: one problem, with what was tried. */
export interface ToolMissing extends Problem {
  readonly reason: 'no-pulumi-cli' | 'no-aws-plugin';
  readonly attempts: readonly Attempt[];
}

/** A tool that is there, and is not what it was when it was made. */
export interface ToolChanged extends Problem {
  readonly reason: 'tool-changed';
}

/** A tool for real accounts, of which no checksum was written down. */
export interface ToolUnpinned extends Problem {
  readonly reason: 'aws-plugin-unpinned';
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

export const toolChanged = (part: Needed, file: string, { found, wanted }: { found: string; wanted: string }): ToolChanged => ({
  reason: 'tool-changed',
  message: `${titles[part]} in ${file} is not what it was when it was made or first used: its SHA-256 is ${found}, and was ${wanted}. It is not run`,
  next: `Find out who writes there. Then remove ${dirname(file)}, and run the same command again: it is made anew.`,
});

export const pluginUnpinned = (): ToolUnpinned => ({
  reason: 'aws-plugin-unpinned',
  message: `this Holdfast has no checksum of Pulumi's aws plugin ${awsPluginVersion} for ${platform}: it cannot tell the plugin from another program, and gives the keys of a real account to none`,
  next: `Use a release of Holdfast that has it; or, in a checkout, where get.pulumi.com and github.com can be reached: ${script('pin-releases')}, and have its change to toolchain/release-checksums.ts reviewed.`,
});

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
    case 'other-checksum':
      return `${attempt.file}: not used, its SHA-256 is ${attempt.found} and not ${attempt.wanted}`;
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A folder or file that another user of the machine could have put there or changed. */
export function foreignPlace(foreign: Foreign): Problem {
  const { path, isOurs } = foreign;
  const problem = (message: string, next: string): Problem => ({ reason: 'not-own', message, next });
  const elsewhere = 'name a folder of your own: HOLDFAST_CACHE for tools, HOLDFAST_LAB_DIR for the lab; .holdfast goes with the checkout';
  switch (foreign.reason) {
    case 'other-owner':
      return problem(
        `${path} belongs to another user (uid ${foreign.uid}), who decides what lies there: code that Holdfast runs, and what it has kept. Nothing of it was used.`,
        isOurs
          ? `Move it out of the way, and Holdfast makes its own: ${lineOf(commandOf('sudo', 'mv', path, `${path}.foreign`))}`
          : `${capital(elsewhere)}.`,
      );
    case 'others-write':
      return problem(
        `Other users of this machine may write in ${path}, and so change code that Holdfast runs, or what it has kept. Nothing of it was used.`,
        isOurs
          ? `Look whether all of it is yours (${lineOf(commandOf(['ls', '-lanR'], path))}); what can be made again is better removed. Then: ${lineOf(commandOf(['chmod', '-R'], 'go-w', path))}`
          : `Forbid it: ${lineOf(commandOf('chmod', 'go-w', path))}; or ${elsewhere}.`,
      );
    case 'no-modes':
      return problem(
        `The file system of ${path} keeps no owners and modes (a drive of Windows is one), so that other users cannot be kept out of it.`,
        `On another file system, ${elsewhere}.`,
      );
    case 'not-a-folder':
      return problem(`${path} is not a folder.`, `Move it out of the way: ${lineOf(commandOf('mv', path, `${path}.old`))}`);
    case 'cannot-look':
      return problem(
        `Whose ${path} is could not be looked at (${foreign.code}).`,
        `Look at it: ${lineOf(commandOf(['ls', '-ld'], path))}; or ${elsewhere}.`,
      );
    case 'cannot-make':
      return problem(`The folder ${path} could not be made (${foreign.code}).`, `${capital(elsewhere)}.`);
  }
}

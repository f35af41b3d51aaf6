import type { CommandContext } from '@stricli/core';
import type { Output } from '../ui/reporter.ts';
import type { Ports } from './ports.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that a command has of the world: passed in, so that tests pass their own. */
export interface Context extends CommandContext {
  readonly process: {
    readonly stdout: Output;
    readonly stderr: Output;
    readonly env?: Environment;
    exitCode?: number | string | null;
  };
  readonly env: Environment;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** Folder of the package. */
  readonly root: string;
  readonly now: () => number;
  /** Whether there is a person to ask. */
  readonly interactive: boolean;
  /** Asks one question; the answer as typed. */
  readonly ask: (question: string) => Promise<string>;
  /** Other ways to the world than the real ones. */
  readonly ports?: Ports;
}

export interface CommonFlags {
  readonly network?: string;
  readonly json: boolean;
  readonly yes: boolean;
  readonly verbose: boolean;
}

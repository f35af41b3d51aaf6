import { command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';

/** @param name of the run that several processes share */
export const endUnwritten = (name: string, why: string): string =>
  `How these stacks ended could not be written down for run ${name} (${why}). What comes after them waits: run this command again.`;

export const notJoined = (name: string, why: string): Problem => ({
  reason: 'shared-run-unavailable',
  message: `run ${name} could not be joined: ${why}`,
  next: `Nothing was started. Check the state bucket (${command('preflight')}), and run this command again.`,
});

/** @param by what has begun since */
export const overtaken = (name: string, by: string): Problem => ({
  reason: 'overtaken',
  message: `${by}; nothing more of it is deployed`,
  next: `See the network as it stands: ${command('plan')}. To deploy this file all the same, begin anew under another name than ${name}.`,
});

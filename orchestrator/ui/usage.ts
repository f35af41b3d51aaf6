import { addedFlags, command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { StillUsed } from '../run/leaving.ts';

/** What a command line is refused for. */

/** @param files what networks/ has but for the examples */
export const whichNetwork = (files: readonly string[]): Problem => ({
  reason: 'which-network',
  message:
    files.length === 0
      ? 'no lab is running, and networks/ has no file but the examples'
      : `networks/ has ${files.length} files: ${files.join(', ')}`,
  next:
    files[0] === undefined
      ? 'Start the lab with `npm start`, or name a file: --network networks/example.yaml'
      : `Name one: ${addedFlags('plan', { network: `networks/${files[0]}` })}`,
});

export interface OneOnly {
  /** As in `plain pulumi works on one`. */
  readonly because: string;
  /** The command for a stack. */
  readonly command: (short: string) => string;
}

/** @param stacks full names of those that the pattern means */
export const severalStacks = (pattern: string, stacks: readonly string[], { because, command }: OneOnly): Problem => ({
  reason: 'several-stacks',
  message: `"${pattern}" means ${stacks.length} stacks, and ${because}`,
  next: `Name one: ${command(stacks[0] === undefined ? 'STACK' : shortOf(stacks[0]))}`,
});

/** @param wanted the network file's regular expression */
export const malformedIncident = (incident: string, wanted: string): Problem => ({
  reason: 'incident-malformed',
  message: `"${incident}" is not what this network takes for an incident (${wanted})`,
  next: 'Give the id of the incident as your tracker has it.',
});

export const incidentTooLong = (characters: number, most: number): Problem => ({
  reason: 'incident-too-long',
  message: `the incident has ${characters} characters, and ${most} is the most`,
  next: 'Give the id of the incident as your tracker has it.',
});

/** @param wanted the network file's regular expression */
export const slowIncidentPattern = (wanted: string, seconds: number): Problem => ({
  reason: 'incident-pattern-slow',
  message: `in ${seconds} s it could not be told whether this is an incident: recovery.incident (${wanted}) has ways without end to match it`,
  next: 'Write it without a repetition inside a repetition, as in ^INC-[0-9]+$',
});

export const unwritableIncident: Problem = {
  reason: 'incident-malformed',
  message: 'an incident is one line of characters that can be seen: it is written into locks and records',
  next: 'Give the id of the incident as your tracker has it.',
};

export const upNotConfirmed: Problem = {
  reason: 'nobody-to-ask',
  message: 'up asks before it changes anything, and there is no terminal to ask on',
  next: `Add --yes, or look first: ${command('plan')}`,
};

/** @param used an object that the plan deletes, and what still refers to it */
export const deletesWhatIsUsed = ({ resource, by, notInFile }: StillUsed): Problem => ({
  reason: 'still-used',
  message: notInFile
    ? `the plan deletes ${resource}, which ${by} still uses: it has left the network file too, and is still deployed`
    : `the plan deletes ${resource}, which ${by} still uses, and this run does not change ${by}`,
  next: notInFile ? `Take both away: ${command('up', { prune: true })}` : `Deploy the whole network: ${command('up')}`,
});

export const pruneTakesAll: Problem = {
  reason: 'prune-takes-all',
  message: '--prune is about the whole network, and stacks were named',
  next: `Name none: ${command('up', { prune: true })}`,
};

export const summaryNotWritable = (why: string): Problem => ({
  reason: 'summary-not-writable',
  message: `the summary cannot be written: ${why}`,
  next: 'Give another file: --summary FILE',
});

export const tooManyVpcs = (vpcs: number, most: number): Problem => ({
  reason: 'too-many-vpcs',
  message: `${vpcs} VPCs do not fit into 10.0.0.0/8 with a /20 each`,
  next: `Ask for at most ${most}.`,
});

export const fileExists = (file: string): Problem => ({
  reason: 'file-exists',
  message: `${file} exists already`,
  next: 'Add --force to write it anew, or --out FILE.',
});

export const labNotRunning: Problem = {
  reason: 'lab-not-running',
  message: 'no lab is running',
  next: `Start it with: ${command('lab', 'start')}`,
};

/** @param file the network file */
export const nobodyToTell = (file: string): Problem => ({
  reason: 'nobody-to-tell',
  message: `${file} names nobody to tell: it has no guardrails with a metric, a topic or a webhook`,
  next: 'Add them: docs/network.md, "guardrails"',
  file,
});

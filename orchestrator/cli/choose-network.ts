import { readdir } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { labFolder, runningLab } from '../aws/target.ts';
import type { LabRecord } from '../domain/lab-record.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../domain/problem.ts';
import { readNetwork } from '../network/read-network.ts';
import type { Network } from '../network/read-network.ts';
import { whichNetwork } from '../ui/usage.ts';
import type { Context } from './context.ts';

export interface ChosenNetwork {
  readonly network: Network;
  readonly lab: LabRecord | undefined;
}

/** The network that a command is about: the one named, else the running lab's, else the only one that is not an example. */
export async function chooseNetwork(context: Context, named: string | undefined): Promise<ChosenNetwork> {
  const lab = await runningLab(labFolder(context.root, context.env));
  const file = named === undefined ? (lab?.network ?? (await onlyNetwork(context))) : resolve(context.cwd, named);
  return { network: orRefuse(await readNetwork(shown(context, file)), exitCodes.usage), lab };
}

/** As a person would type it, so that an editor finds it from the message. */
function shown(context: Context, file: string): string {
  const short = relative(context.cwd, file);
  return short.startsWith('..') || isAbsolute(short) || context.cwd !== process.cwd() ? file : short;
}

async function onlyNetwork(context: Context): Promise<string> {
  const folder = join(context.cwd, 'networks');
  const files = (await readdir(folder).catch((): string[] => [])).filter((name) => /\.ya?ml$/.test(name) && !/^example\b/.test(name));
  const [file] = files;
  if (files.length === 1 && file !== undefined) return join(folder, file);
  throw new Refusal(exitCodes.usage, whichNetwork(files));
}

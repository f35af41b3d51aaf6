import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labAccountId, labRecordSchema } from '../domain/lab-record.ts';
import type { LabRecord } from '../domain/lab-record.ts';
import { notOk, ok } from '../domain/problem.ts';
import type { Result } from '../domain/problem.ts';

/** Where a command acts. A network's account decides it, and nothing else: the lab's account is the lab, every other is AWS. */
export type Target = { readonly kind: 'LAB'; readonly lab: LabRecord } | { readonly kind: 'REAL' };

type Environment = Readonly<Record<string, string | undefined>>;

export const labFolder = (root: string, env: Environment): string => env['HOLDFAST_LAB_DIR'] ?? join(root, '.holdfast', 'lab');

export const labRecordFile = (folder: string): string => join(folder, 'lab.json');

/** The lab that runs in this folder; undefined where none does, also where a record is left of one that died. */
export async function runningLab(folder: string): Promise<LabRecord | undefined> {
  let record: LabRecord;
  try {
    record = labRecordSchema.parse(JSON.parse(await readFile(labRecordFile(folder), 'utf8')));
  } catch {
    return undefined;
  }
  try {
    const answer = await fetch(`${record.endpoint}/_lab`);
    const body = (await answer.json()) as { lab?: unknown };
    return body.lab === record.lab ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Promise 8 of the design: a real account is never touched by the lab's parts, nor the lab mistaken for a real account. */
export function resolveTarget(account: string, lab: LabRecord | undefined, env: Environment): Result<Target> {
  if (account === labAccountId) {
    if (lab) return ok({ kind: 'LAB', lab });
    return notOk({
      reason: 'lab-not-running',
      message: `account ${labAccountId} is the lab, and the lab is not running`,
      next: 'Start it with `npm run lab -- start`, or put your own account id into the network file.',
    });
  }
  const loopback = Object.entries(env).find(
    ([name, value]) => name.startsWith('AWS_ENDPOINT_URL') && value !== undefined && isLoopback(value),
  );
  if (loopback)
    return notOk({
      reason: 'real-account-on-loopback',
      message: `the network's account ${account} is a real one, but ${loopback[0]} leads to ${loopback[1] ?? ''} on this machine`,
      next: `Unset ${loopback[0]}, or use a network of the lab's account.`,
    });
  return ok({ kind: 'REAL' });
}

function isLoopback(url: string): boolean {
  try {
    return /^((.+\.)?localhost\.?|127\.[\d.]+|0\.0\.0\.0|\[::1?\])$/.test(new URL(url).hostname);
  } catch {
    return false;
  }
}

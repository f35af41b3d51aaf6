import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireOwn } from '../../toolchain/own-folder.ts';
import { labAccountId, labRecordSchema } from '../domain/lab-record.ts';
import type { LabRecord } from '../domain/lab-record.ts';
import { ok } from '../domain/problem.ts';
import type { Result } from '../domain/problem.ts';
import type { NetworkSpec } from '../network/spec.ts';
import { endpointsOf } from './endpoints.ts';
import type { EndpointFault, Endpoints, Resolve } from './endpoints.ts';

/** Where a command acts. A network's account decides it, and nothing else: the lab's account is the lab, every other is AWS. */
export type Target = { readonly kind: 'LAB'; readonly lab: LabRecord } | { readonly kind: 'REAL'; readonly endpoints: Endpoints };

type Environment = Readonly<Record<string, string | undefined>>;

export const labFolder = (root: string, env: Environment): string => env['HOLDFAST_LAB_DIR'] ?? join(root, '.holdfast', 'lab');

export const labRecordFile = (folder: string): string => join(folder, 'lab.json');

/**
 * What the lab of this folder has left; undefined where nothing is there that can be read.
 * @throws NotOwn where another user of the machine may have written it: it says which plugin is run, and where calls go
 */
export async function readLabRecord(folder: string): Promise<LabRecord | undefined> {
  await requireOwn(labRecordFile(folder), folder);
  try {
    return labRecordSchema.parse(JSON.parse(await readFile(labRecordFile(folder), 'utf8')));
  } catch {
    return undefined;
  }
}

/** The lab that runs in this folder; undefined where none does, also where a record is left of one that died, or names another place than loopback. */
export async function runningLab(folder: string): Promise<LabRecord | undefined> {
  const record = await readLabRecord(folder);
  if (record === undefined) return undefined;
  try {
    const answer = await fetch(`${record.endpoint}/_lab`, { redirect: 'error' });
    const body = (await answer.json()) as { lab?: unknown };
    return body.lab === record.lab ? record : undefined;
  } catch {
    return undefined;
  }
}

/** `lab-not-running`: the account is the lab's, which is never AWS. */
export type TargetFault = { readonly code: 'lab-not-running' } | EndpointFault;

/** Promise 8 of the design: a real account is never touched by the lab's parts, nor the lab mistaken for a real account. */
export async function resolveTarget(
  { account, region, endpoints = {} }: Pick<NetworkSpec, 'account' | 'region' | 'endpoints'>,
  lab: LabRecord | undefined,
  env: Environment,
  resolve?: Resolve,
): Promise<Result<Target, readonly TargetFault[]>> {
  if (account === labAccountId) return lab ? ok({ kind: 'LAB', lab }) : { ok: false, problems: [{ code: 'lab-not-running' }] };
  const found = await endpointsOf({ region, named: endpoints, env }, resolve);
  return found.ok ? ok({ kind: 'REAL', endpoints: found.value }) : found;
}

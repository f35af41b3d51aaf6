import { readFile, stat } from 'node:fs/promises';
import { LineCounter, isMap, isNode, isScalar, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { closest } from 'fastest-levenshtein';
import type { z } from 'zod';
import { messageOf, notOk, ok } from '../domain/problem.ts';
import type { Problem, Result } from '../domain/problem.ts';
import { checkNetwork, finding } from './check-network.ts';
import type { Finding } from './check-network.ts';
import { services } from './endpoint.ts';
import { asDeployed, pathInFile, separated } from './renames.ts';
import type { Renames } from './renames.ts';
import { networkSchema } from './spec.ts';
import type { NetworkSpec } from './spec.ts';
import { excessOf, yamlFaults } from './yaml-faults.ts';

/** A network file that passed every check that needs nothing but the file. */
export interface Network {
  readonly file: string;
  readonly text: string;
  /** Under the names that its parts were deployed with. */
  readonly spec: NetworkSpec;
  readonly renames: Renames;
  /** 1-based line where the file has a place of `spec`, for findings that only AWS or the states can make. */
  readonly lineOf: (path: readonly (string | number)[]) => number | undefined;
}

/** 500 VPCs are about 150 kB. A larger file is a mistake or an attack, and is not parsed. */
const maxBytes = 1024 * 1024;

/** None is needed, and they are how small YAML becomes large. */
const maxAliases = 20;

/** A network file needs 7. */
const maxDepth = 64;

/** More are counted. */
const maxProblems = 100;

export async function readNetwork(file: string): Promise<Result<Network>> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > maxBytes)
      return notOk({
        reason: 'file-too-large',
        message: `the file has ${(size / 1024 / 1024).toFixed(1)} MB; a network file has at most 1 MB`,
        next: 'Split the network, or check that this is the right file.',
        file,
      });
    text = await readFile(file, 'utf8');
  } catch (cause) {
    return notOk({
      reason: 'file-not-readable',
      message: `the network file cannot be read: ${messageOf(cause)}`,
      next: 'Give another one with --network FILE.',
      file,
    });
  }
  return parseNetwork(file, text);
}

/** Pure: the text of a network file to its checked form, or every problem with its line. */
export function parseNetwork(file: string, text: string): Result<Network> {
  const lines = new LineCounter();
  const excess = excessOf({ aliases: maxAliases, depth: maxDepth }, text);
  if (excess) {
    const line = text.slice(0, excess.offset).split('\n').length;
    return notOk(
      excess.of === 'depth'
        ? { reason: 'not-yaml', message: 'not YAML: nested too deeply', next: 'Mend the YAML here.', file, line }
        : {
            reason: 'too-many-aliases',
            message: `the file has more than ${maxAliases} YAML aliases`,
            next: 'Write the values out: a network file needs no aliases.',
            file,
            line,
          },
    );
  }
  // The merge key is off, and unique keys are looked at below: the library compares each with every other.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, merge: false, schema: 'core', prettyErrors: false });
  const faults = yamlFaults(document);
  if (faults.length > 0)
    return refused(
      faults.slice(0, maxProblems).map(({ offset, ...fault }) => ({ ...fault, file, line: lines.linePos(offset).line })),
      faults.length,
      file,
    );

  const lineOf = (path: readonly (string | number)[]): number | undefined => {
    for (let length = path.length; length >= 0; length -= 1) {
      const start = startOf(document, path.slice(0, length));
      if (start !== undefined) return lines.linePos(start).line;
    }
    return undefined;
  };

  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: maxAliases });
  } catch (cause) {
    return notOk({
      reason: 'too-many-aliases',
      message: messageOf(cause),
      next: 'Write the values out: a network file needs no aliases.',
      file,
    });
  }
  if (content === null || content === undefined)
    return notOk({ reason: 'empty-file', message: 'the network file is empty', next: 'Start from networks/example.yaml.', file });

  const parsed = networkSchema.safeParse(content);
  const issues = parsed.error?.issues ?? [];
  const read = parsed.success ? separated(parsed.data) : undefined;
  const findings = read
    ? checkNetwork(read.spec, read.renames)
    : issues.slice(0, maxProblems).flatMap((issue) => findingsOf(issue, document));
  if (read && findings.length === 0) {
    const { renames } = read;
    return ok({ file, text, spec: asDeployed(read.spec, renames), renames, lineOf: (path) => lineOf(pathInFile(path, renames)) });
  }
  const total = issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
  return refused(
    findings.slice(0, maxProblems).map(({ path, ...found }) => {
      const line = lineOf(path);
      return { ...found, file, ...(line === undefined ? {} : { line }) };
    }),
    parsed.success ? findings.length : total,
    file,
  );
}

/** All of them, up to what a person can use: the line of each costs a walk through the file. */
function refused(problems: readonly Problem[], total: number, file: string): Result<Network> {
  const shown = problems.slice(0, maxProblems);
  const more: Problem[] =
    total > shown.length
      ? [{ reason: 'more-problems', message: `and ${total - shown.length} more problems`, next: 'Mend these first.', file }]
      : [];
  return { ok: false, problems: [...shown, ...more] };
}

/** The key's own position where the path ends in a map entry, so that the line is the one a person would point at. */
function startOf(document: Document, path: readonly (string | number)[]): number | undefined {
  const last = path.at(-1);
  const parent = path.length === 0 ? undefined : path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(last));
    return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}

function findingsOf(issue: z.core.$ZodIssue, document: Document): Finding[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  const where = path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.slice(0, maxProblems).map((key) => {
      const near = nearestKey(path, key);
      const next = near === undefined ? 'Remove it; docs/network.md lists the keys.' : `Did you mean "${near}"?`;
      return finding([...path, key], 'unknown-key', `${where === '' ? '' : `${where}: `}unknown key "${key}"`, next);
    });
  if (issue.code === 'invalid_type' && path.length > 0 && !document.hasIn(path))
    return [finding(path, 'missing-key', `${where} is missing`, 'Add it; docs/network.md says what it takes.')];
  if (issue.code === 'invalid_type' && issue.expected === 'undefined')
    return [finding(path, 'not-built-yet', `${where}: ${issue.message}`, `Remove "${String(path.at(-1))}".`)];
  const reason = issue.code === 'invalid_type' ? 'wrong-type' : 'invalid-value';
  // zod wraps what it finds in a record's key; the inner message is the one that helps.
  const message = issue.code === 'invalid_key' ? `"${String(path.at(-1))}": ${issue.issues[0]?.message ?? issue.message}` : issue.message;
  const next = 'Correct this value; docs/network.md says what each key takes.';
  return [finding(path, reason, where === '' ? message : `${where}: ${message}`, next)];
}

const knownKeys: Record<string, readonly string[]> = {
  '': Object.keys(networkSchema.shape),
  segments: ['was', 'protect', 'reaches', 'isolated', 'blackholes', 'routes'],
  vpcs: ['was', 'protect', 'segment', 'cidr', 'subnets', 'attachment', 'routes'],
  endpoints: services,
  state: ['bucket', 'secrets'],
  session: ['minimum'],
  defaults: ['tags'],
  gateway: ['protect', 'asn', 'description'],
  guardrails: [
    'lockAge',
    'runbook',
    'metric',
    'topic',
    'webhook',
    'namespace',
    'arn',
    'subscriptions',
    'protocol',
    'endpoint',
    'endpointFrom',
    'urlFrom',
  ],
};

function nearestKey(path: readonly (string | number)[], key: string): string | undefined {
  const keys = knownKeys[String(path[0] ?? '')] ?? [];
  const near = keys.length === 0 ? undefined : closest(key, keys);
  return near !== undefined && Math.abs(near.length - key.length) <= 3 && sharesStart(near, key) ? near : undefined;
}

const sharesStart = (a: string, b: string): boolean => a[0]?.toLowerCase() === b[0]?.toLowerCase();

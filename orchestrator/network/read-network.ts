import { readFile, stat } from 'node:fs/promises';
import { LineCounter, isMap, isNode, isScalar, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { closest } from 'fastest-levenshtein';
import type { z } from 'zod';
import { messageOf, notOk, ok } from '../domain/problem.ts';
import type { Problem, Result } from '../domain/problem.ts';
import { checkNetwork } from './check-network.ts';
import { networkSchema } from './spec.ts';
import type { NetworkSpec } from './spec.ts';

/** A network file that passed every check that needs nothing but the file. */
export interface Network {
  readonly file: string;
  readonly text: string;
  readonly spec: NetworkSpec;
  /** 1-based line of a place in the file, for findings that only AWS can make. */
  readonly lineOf: (path: readonly (string | number)[]) => number | undefined;
}

/** 500 VPCs are about 150 kB. A larger file is a mistake or an attack, and is not parsed. */
const maxBytes = 1024 * 1024;

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
  // The merge key and custom tags are off and aliases are limited: a network file needs none, and aliases are how small YAML becomes large.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false, schema: 'core', prettyErrors: false });
  if (document.errors.length > 0)
    return {
      ok: false,
      problems: document.errors.map((error) => ({
        reason: error.code === 'DUPLICATE_KEY' ? 'duplicate-name' : 'not-yaml',
        message: error.code === 'DUPLICATE_KEY' ? `"${keyAt(text, error.pos[0])}" stands here a second time` : `not YAML: ${error.message}`,
        next: error.code === 'DUPLICATE_KEY' ? 'Remove or rename one of the two.' : 'Mend the YAML here.',
        file,
        line: lines.linePos(error.pos[0]).line,
      })),
    };

  const lineOf = (path: readonly (string | number)[]): number | undefined => {
    for (let length = path.length; length >= 0; length -= 1) {
      const start = startOf(document, path.slice(0, length));
      if (start !== undefined) return lines.linePos(start).line;
    }
    return undefined;
  };

  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 20 });
  } catch (cause) {
    return notOk({ reason: 'too-many-aliases', message: messageOf(cause), next: 'Write the values out: a network file needs no aliases.', file });
  }
  if (content === null || content === undefined)
    return notOk({ reason: 'empty-file', message: 'the network file is empty', next: 'Start from networks/example.yaml.', file });

  const parsed = networkSchema.safeParse(content);
  if (!parsed.success)
    return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, file, lineOf)) };

  const findings = checkNetwork(parsed.data);
  if (findings.length > 0)
    return { ok: false, problems: findings.map(({ path, ...finding }) => withLine({ ...finding, file }, lineOf(path))) };
  return ok({ file, text, spec: parsed.data, lineOf });
}

const withLine = (problem: Problem, line: number | undefined): Problem => (line === undefined ? problem : { ...problem, line });

const keyAt = (text: string, offset: number): string => /^[^:\n]*/.exec(text.slice(offset))?.[0].trim() ?? '';

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

function problemsOf(issue: z.core.$ZodIssue, file: string, lineOf: Network['lineOf']): Problem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  const where = path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const near = nearestKey(path, key);
      return withLine(
        {
          reason: 'unknown-key',
          message: `${where === '' ? '' : `${where}: `}unknown key "${key}"`,
          next: near === undefined ? 'Remove it; docs/network.md lists the keys.' : `Did you mean "${near}"?`,
          file,
        },
        lineOf([...path, key]),
      );
    });
  // zod wraps what it finds in a record's key; the inner message is the one that helps.
  const message = issue.code === 'invalid_key' ? `"${String(path.at(-1))}": ${issue.issues[0]?.message ?? issue.message}` : issue.message;
  return [
    withLine(
      {
        reason: issue.code === 'invalid_type' ? 'wrong-type' : 'invalid-value',
        message: where === '' ? message : `${where}: ${message}`,
        next: 'Correct this value; docs/network.md says what each key takes.',
        file,
      },
      lineOf(path),
    ),
  ];
}

const knownKeys: Record<string, readonly string[]> = {
  '': Object.keys(networkSchema.shape),
  segments: ['reaches', 'isolated', 'blackholes', 'routes'],
  vpcs: ['segment', 'cidr', 'subnets', 'attachment', 'routes'],
  state: ['bucket'],
  session: ['minimum'],
  defaults: ['tags'],
  gateway: ['asn', 'description'],
};

function nearestKey(path: readonly (string | number)[], key: string): string | undefined {
  const keys = knownKeys[String(path[0] ?? '')] ?? [];
  const near = keys.length === 0 ? undefined : closest(key, keys);
  return near !== undefined && Math.abs(near.length - key.length) <= 3 && sharesStart(near, key) ? near : undefined;
}

const sharesStart = (a: string, b: string): boolean => a[0]?.toLowerCase() === b[0]?.toLowerCase();

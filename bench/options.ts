import { parseArgs } from 'node:util';
import { messageOf } from '../orchestrator/domain/problem.ts';
import { mostVpcs } from '../orchestrator/network/generate.ts';
import { cases, contenders } from './plan.ts';
import type { Block, Case, Contender } from './plan.ts';

export const usage = `npm run bench -- [--sizes 7,61] [--delays 0,40] [--cases first,noop] [--rounds N] [--scale] [--only holdfast] [--parallel N] [--json]

Measures Holdfast beside a plain loop of the Automation API and beside one big stack, on a lab of its own, and writes docs/performance.md.

  --sizes N,…     networks by their number of stacks: 7 is the example, any other is generated (2 for each VPC, and 1).
                  Without it: 7 at each delay in 3 rounds, and 61 at none in one; under half an hour on two cores. 301 takes hours
  --delays MS,…   milliseconds by which each call of S3 and EC2 is late; 0,40
  --cases NAME,…  ${cases.join(', ')}; default: all
  --rounds N      how often each is measured, to know the spread; default: 3
  --scale         one network of 1001 stacks, deployed once by Holdfast alone, and then no change in it
  --only NAME,…   ${contenders.join(', ')}: only these, and the page is not written
  --parallel N    stacks at once, of the plain loop as of Holdfast; default: the number of cores
  --json          one line of JSON for each measurement, instead of the page's tables
  --no-write      leaves docs/performance.md and bench/results.json as they are
  --page          measures nothing, and writes the page anew from bench/results.json
`;

export interface Options {
  readonly blocks: readonly Block[];
  readonly parallel: number;
  readonly json: boolean;
  readonly write: boolean;
}

export type Parsed =
  | { readonly kind: 'run'; readonly options: Options }
  | { readonly kind: 'page' }
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly message: string };

class NotAnOption extends Error {}

export function parseOptions(args: readonly string[], cores: number): Parsed {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        sizes: { type: 'string' },
        delays: { type: 'string' },
        cases: { type: 'string' },
        rounds: { type: 'string' },
        scale: { type: 'boolean', default: false },
        only: { type: 'string' },
        parallel: { type: 'string' },
        json: { type: 'boolean', default: false },
        'no-write': { type: 'boolean', default: false },
        page: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    if (values.page) return { kind: 'page' };
    const sizes = values.sizes === undefined ? undefined : numbers('--sizes', values.sizes, isSize, sizeText);
    const delays = values.delays === undefined ? undefined : numbers('--delays', values.delays, isDelay, 'milliseconds from 0 to 10000');
    const rounds = values.rounds === undefined ? undefined : one('--rounds', values.rounds, 99);
    const asked = values.cases === undefined ? undefined : names<Case>('--cases', values.cases, cases);
    const only = values.only === undefined ? contenders : names<Contender>('--only', values.only, contenders);
    const parallel = values.parallel === undefined ? cores : one('--parallel', values.parallel, 99);
    if (values.scale && only !== contenders)
      throw new NotAnOption('--scale is of Holdfast alone: leave --only out, or say --sizes instead of --scale.');
    const blocks = values.scale ? atScale(sizes, delays, asked, rounds) : sideBySide(sizes, delays, asked, rounds, only);
    const write = !values['no-write'] && only === contenders;
    return { kind: 'run', options: { blocks, parallel, json: values.json, write } };
  } catch (cause) {
    if (cause instanceof NotAnOption) return { kind: 'refused', message: cause.message };
    if (cause instanceof TypeError && 'code' in cause && String(cause.code).startsWith('ERR_PARSE_ARGS'))
      return { kind: 'refused', message: messageOf(cause) };
    throw cause;
  }
}

const defaultDelays = [0, 40];
const defaultRounds = 3;
const scaleSize = 1001;

function sideBySide(
  sizes: readonly number[] | undefined,
  delays: readonly number[] | undefined,
  asked: readonly Case[] = cases,
  rounds: number | undefined,
  who: readonly Contender[],
): Block[] {
  const block = (size: number, delayMs: number, most = defaultRounds): Block => ({
    size,
    delayMs,
    cases: asked,
    rounds: rounds ?? most,
    contenders: who,
    scale: false,
  });
  if (sizes) return sizes.flatMap((size) => (delays ?? defaultDelays).map((delayMs) => block(size, delayMs)));
  // The plain loop takes minutes for a case of 61 stacks.
  return [...(delays ?? defaultDelays).map((delayMs) => block(7, delayMs)), ...(delays ?? [0]).map((delayMs) => block(61, delayMs, 1))];
}

function atScale(
  sizes: readonly number[] = [scaleSize],
  delays: readonly number[] = [0],
  asked: readonly Case[] = ['first', 'noop'],
  rounds = defaultRounds,
): Block[] {
  return sizes.flatMap((size) =>
    delays.map((delayMs) => ({ size, delayMs, cases: asked, rounds, contenders: ['holdfast'] as const, scale: true })),
  );
}

const isSize = (size: number): boolean => size % 2 === 1 && size >= 3 && size <= 2 * (mostVpcs - 1) + 1;
const sizeText = `odd numbers of stacks from 3 to ${2 * (mostVpcs - 1) + 1}: two for each VPC, and one for the gateway`;
const isDelay = (ms: number): boolean => ms <= 10_000;

function numbers(option: string, text: string, isOne: (value: number) => boolean, wanted: string): readonly number[] {
  const parts = text.split(',');
  const bad = parts.filter((part) => !/^\d{1,5}$/.test(part) || !isOne(Number(part)));
  if (bad.length > 0) throw new NotAnOption(`${option} takes ${wanted}, with commas between them; not "${bad.join(',')}".`);
  return [...new Set(parts.map(Number))];
}

function one(option: string, text: string, most: number): number {
  const [value = 0, ...more] = numbers(option, text, (count) => count >= 1 && count <= most, `a number from 1 to ${most}`);
  if (more.length > 0) throw new NotAnOption(`${option} takes one number, not "${text}".`);
  return value;
}

function names<Name extends string>(option: string, text: string, known: readonly Name[]): readonly Name[] {
  const parts = text.split(',');
  const bad = parts.filter((part) => !known.some((name) => name === part));
  if (bad.length > 0) throw new NotAnOption(`${option} takes ${known.join(', ')}, with commas between them; not "${bad.join(',')}".`);
  return known.filter((name) => parts.includes(name));
}

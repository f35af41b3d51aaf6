import { parseArgs } from 'node:util';
import { messageOf } from '../orchestrator/domain/problem.ts';
import { mostVpcs } from '../orchestrator/network/generate.ts';
import { exampleStacks, stacksOf } from './networks.ts';
import { cases, contenders } from './plan.ts';
import type { Block, Case, Contender } from './plan.ts';

export const usage = `npm run bench -- [--sizes 13,64] [--delays 0,40] [--cases first,noop] [--rounds N] [--scale] [--only holdfast] [--parallel N] [--json]

Measures Holdfast beside a plain loop of the Automation API and beside one big stack, on a lab of its own, and writes docs/performance.md.

  --sizes N,…     networks by their number of stacks: 13 is the example, any other is generated (3 for each VPC, and 4)
  --delays MS,…   milliseconds by which each call of S3 and EC2 is late
  --cases NAME,…  ${cases.join(', ')}
  --rounds N      how often each is measured, to know the spread
                  Without any of these: what ends in under half an hour on two cores: 13 stacks at 0 and at 40 ms, and 64 at 0 ms.
                  Sizes without delays: at 0 and at 40 ms; without rounds: 3; all cases. 304 stacks take hours
  --scale         one network of 1504 stacks, deployed once by Holdfast alone, and then no change in it
  --only NAME,…   ${contenders.join(', ')}: only these, and the page is not written
  --parallel N    stacks at once, of the plain loop as of Holdfast; default: the number of cores
  --json          one line of JSON for each measurement, instead of the page's tables
  --no-write      leaves docs/performance.md and bench/results.json as they are
  --page          measures nothing, and writes the page again from bench/results.json
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
    const delays =
      values.delays === undefined
        ? undefined
        : numbers('--delays', values.delays, isDelay, 'milliseconds from 0 to 10000, with commas between them');
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

const defaultSizes = [exampleStacks, stacksOf(20)];
const defaultDelays = [0, 40];
const defaultRounds = 3;
const scaleSize = stacksOf(500);

/** Where neither sizes nor delays are said: what ends in under half an hour. The plain loop takes minutes for a case of 64 stacks. */
const defaultBlocks: readonly Pick<Block, 'size' | 'delayMs' | 'cases' | 'rounds'>[] = [
  { size: exampleStacks, delayMs: 0, cases, rounds: 3 },
  { size: exampleStacks, delayMs: 40, cases, rounds: 2 },
  { size: stacksOf(20), delayMs: 0, cases: ['first', 'noop', 'change'], rounds: 1 },
];

function sideBySide(
  sizes: readonly number[] | undefined,
  delays: readonly number[] | undefined,
  asked: readonly Case[] | undefined,
  rounds: number | undefined,
  who: readonly Contender[],
): Block[] {
  const chosen =
    sizes === undefined && delays === undefined
      ? defaultBlocks
      : (sizes ?? defaultSizes).flatMap((size) =>
          (delays ?? defaultDelays).map((delayMs) => ({ size, delayMs, cases, rounds: defaultRounds })),
        );
  return chosen.map((block) => ({
    ...block,
    cases: asked ?? block.cases,
    rounds: rounds ?? block.rounds,
    contenders: who,
    scale: false,
  }));
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

const isSize = (size: number): boolean => size >= stacksOf(1) && size <= stacksOf(mostVpcs - 1) && size % 3 === 1;
const sizeText = `numbers of stacks (three for each VPC, three for segments, and one for the gateway: 7, 10, 13) up to ${stacksOf(mostVpcs - 1)}, with commas between them`;
const isDelay = (ms: number): boolean => ms <= 10_000;

function numbers(option: string, text: string, isOne: (value: number) => boolean, wanted: string): readonly number[] {
  const parts = text.split(',');
  const bad = parts.filter((part) => !/^\d{1,5}$/.test(part) || !isOne(Number(part)));
  if (bad.length > 0) throw new NotAnOption(`${option} "${bad.join(',')}": it takes ${wanted}.`);
  return [...new Set(parts.map(Number))];
}

function one(option: string, text: string, most: number): number {
  const [value = 0, ...more] = numbers(option, text, (count) => count >= 1 && count <= most, `a number from 1 to ${most}`);
  if (more.length > 0) throw new NotAnOption(`${option} "${text}": it takes one number.`);
  return value;
}

function names<Name extends string>(option: string, text: string, known: readonly Name[]): readonly Name[] {
  const parts = text.split(',');
  const bad = parts.filter((part) => !known.some((name) => name === part));
  if (bad.length > 0) throw new NotAnOption(`${option} "${bad.join(',')}": it takes ${known.join(', ')}, with commas between them.`);
  return known.filter((name) => parts.includes(name));
}

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builds } from '../matrix/broken-builds.ts';

interface Edit {
  readonly file: string;
  readonly from: string;
}

// JavaScript, which the simulator's own runner reads.
const simulatorBuilds = '../simulation/broken-builds.mjs';
const { brokenBuilds } = (await import(simulatorBuilds)) as {
  readonly brokenBuilds: readonly { readonly name: string; readonly edits: readonly Edit[] }[];
};

const occurrences = ({ file, from }: Edit): number => readFileSync(file, 'utf8').split(from).length - 1;

describe('a build that is broken on purpose', () => {
  it.each(brokenBuilds.map((build) => [build.name, build] as const))(
    'still finds what it changes, for the simulator: %s',
    (_, { edits }) => {
      expect(edits.filter((edit) => occurrences(edit) === 0)).toEqual([]);
    },
  );

  it.each(builds.map((build) => [build.name, build] as const))('still finds what it changes, for the matrix: %s', (_, build) => {
    expect([build, ...(build.and ?? [])].filter((edit) => occurrences(edit) !== 1)).toEqual([]);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builds } from '../matrix/broken-builds.ts';
import { faults, secondFaults } from '../matrix/faults.ts';
import { atNight, onPush, secondAtNight, secondOnPush, sorts } from '../matrix/sample.ts';
import { scenarios } from '../matrix/scenarios.ts';

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const faultOf = (id: string): string => id.slice(id.lastIndexOf('/') + 1);

describe('the sample of the interruption matrix', () => {
  it('has every fault, and every fault of a recovery', () => {
    expect(new Set([...onPush, ...atNight].map(faultOf))).toEqual(new Set(faults.map(({ name }) => name)));
    expect(new Set([...secondOnPush, ...secondAtNight].map(faultOf))).toEqual(new Set(secondFaults.map(({ name }) => name)));
  });

  it('has a fault of each sort on every push, and each fault in one sort', () => {
    const tried = new Set(onPush.map(faultOf));
    expect(Object.entries(sorts).filter(([, names]) => !names.some((name) => tried.has(name)))).toEqual([]);
    expect(Object.values(sorts).flat().sort()).toEqual(faults.map(({ name }) => name).sort());
  });

  it('has a case of each scenario, and on every push of each that is no edit of a network, and of three edits', () => {
    const scenariosOf = (ids: readonly string[]): Set<string> => new Set(ids.map((id) => id.slice(0, id.indexOf('/'))));
    expect(scenariosOf([...onPush, ...atNight])).toEqual(new Set(scenarios.map(({ name }) => name)));
    const edits = new Set(scenarios.filter(({ parts }) => parts.some(({ watched }) => watched)).map(({ name }) => name));
    const tried = scenariosOf(onPush);
    expect(scenarios.filter(({ name }) => !edits.has(name) && !tried.has(name))).toEqual([]);
    expect([...tried].filter((name) => edits.has(name))).toHaveLength(3);
  });

  it('has each case once', () => {
    const all = [...onPush, ...atNight, ...secondOnPush, ...secondAtNight];
    expect(all.filter((id, index) => all.indexOf(id) !== index)).toEqual([]);
  });
});

describe.each(builds)('the broken build $name', ({ file, from, case: caught }) => {
  it('breaks code that is there, once', () => {
    expect(read(file).split(from)).toHaveLength(2);
  });

  it('is caught by a case that every push tries', () => {
    expect([...onPush, ...secondOnPush]).toContain(caught);
  });
});

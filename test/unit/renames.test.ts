import { describe, expect, it } from 'vitest';
import { candidatesOf, nameInFile } from '../../orchestrator/cli/names-in-file.ts';
import { selectStacks } from '../../orchestrator/graph/select.ts';
import { parseNetwork } from '../../orchestrator/network/read-network.ts';
import { placeAsDeployed } from '../../orchestrator/network/renames.ts';
import { exampleGraph, exampleOf, exampleWith, file, lineOf } from './support/example.ts';
import { problemOf, problemsOf, valueOf } from './support/results.ts';

/** A VPC, a segment and a tier of the example have other names. */
const renamed = exampleWith(
  ['  staging:\n    segment: staging\n', '  stage:\n    was: staging\n    segment: staging\n'],
  ['reaches: [production, staging]', 'reaches: [prod, staging]'],
  ['  production:\n    blackholes', '  prod:\n    was: production\n    blackholes'],
  ['    segment: production\n', '    segment: prod\n'],
  ['      private: { a: 10.0.0.0/20', '      apps: { was: private, a: 10.0.0.0/20'],
  ['      private: [10.1.0.0/16, 10.2.0.0/16]', '      apps: [10.1.0.0/16, 10.2.0.0/16]'],
);

describe('a network file with names that were others', () => {
  it('says the same network, to the last name', () => {
    expect(exampleOf(renamed).spec).toEqual(exampleOf().spec);
  });

  it.each<readonly [string, readonly string[], string]>([
    ['a VPC', ['vpcs', 'staging', 'cidr'], 'cidr: 10.2.0.0/16'],
    ['a segment', ['segments', 'production', 'blackholes'], 'blackholes: [10.2.0.0/16]'],
    ['a subnet', ['vpcs', 'shared', 'subnets', 'private', 'b'], 'b: 10.0.16.0/20'],
    ['the routes of a tier', ['vpcs', 'shared', 'routes', 'private'], 'apps: [10.1'],
    ['what was not renamed', ['vpcs', 'production', 'cidr'], 'cidr: 10.1.0.0/16'],
  ])('has the line of %s by its deployed name', (_, path, place) => {
    expect(exampleOf(renamed).lineOf(path)).toBe(lineOf(renamed, place));
  });

  it('is refused where something is mentioned by the name that it was deployed with', () => {
    const text = renamed.replace('    segment: prod\n', '    segment: production\n');
    expect(problemOf(parseNetwork(file, text))).toMatchObject({ reason: 'unknown-segment', message: 'there is no segment "production"' });
  });

  it.each([
    ['staging', 'staging'],
    ['stage', 'staging'],
    ['stage.private.a', 'staging.private.a'],
    ['shared.apps', 'shared.private'],
    ['shared.apps.b', 'shared.private.b'],
    ['10.2.0.7', '10.2.0.7'],
    ['internet', 'internet'],
  ])('takes %s for the place %s', (said, deployed) => {
    expect(placeAsDeployed(said, exampleOf(renamed).renames)).toBe(deployed);
  });
});

describe('a `was` that cannot be', () => {
  const tier = 'attachment: { a: 10.2.255.0/28, b: 10.2.255.16/28 }';

  it.each<readonly [string, string, string, string, string]>([
    [
      'of a VPC its own name',
      'was-itself',
      '  staging:\n    segment: staging\n',
      '  staging:\n    was: staging\n    segment: staging\n',
      'VPC "staging" has "was: staging", which is its own name',
    ],
    [
      'another VPC of the file',
      'was-another',
      '  staging:\n    segment: staging\n',
      '  staging:\n    was: shared\n    segment: staging\n',
      'VPC "staging" was "shared", and the file has another VPC of that name',
    ],
    [
      'another segment of the file',
      'was-another',
      '  staging:\n    blackholes',
      '  staging:\n    was: shared\n    blackholes',
      'segment "staging" was "shared", and the file has another segment of that name',
    ],
    [
      'another tier of the VPC',
      'was-another',
      tier,
      tier.replace('{', '{ was: private,'),
      'tier "attachment" was "private", and the file has another tier of that name',
    ],
  ])('%s: %s', (_, reason, from, to, message) => {
    const text = exampleWith([from, to]);
    expect(problemOf(parseNetwork(file, text))).toMatchObject({ reason, message, file, line: lineOf(text, 'was: ') });
  });

  it('is that of a thing that has one already, and is refused at the second', () => {
    const text = exampleWith(
      ['  production:\n    segment', '  production:\n    was: old\n    segment'],
      ['  staging:\n    segment', '  staging:\n    was: old\n    segment'],
    );
    expect(problemOf(parseNetwork(file, text))).toMatchObject({
      reason: 'was-twice',
      message: 'VPC "staging" was "old", and so was VPC "production": one of them is new',
      line: lineOf(text, '  staging:\n    was: old') + 1,
    });
  });

  it('is taken where the same name was that of things of different kinds, or of tiers of different VPCs', () => {
    const text = exampleWith(
      ['  staging:\n    blackholes', '  staging:\n    was: old\n    blackholes'],
      ['  staging:\n    segment', '  staging:\n    was: old\n    segment'],
      ['attachment: { a: 10.2.255.0/28', 'attachment: { was: old, a: 10.2.255.0/28'],
      ['attachment: { a: 10.1.255.0/28', 'attachment: { was: old, a: 10.1.255.0/28'],
    );
    expect(parseNetwork(file, text)).toMatchObject({ ok: true });
  });

  it('is no name', () => {
    const text = exampleWith([tier, tier.replace('{', '{ was: Old,')]);
    expect(problemsOf(parseNetwork(file, text)).map(({ line }) => line)).toEqual([lineOf(text, 'was: Old')]);
  });

  it('is alone in a tier, which needs a subnet', () => {
    const text = exampleWith(['private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }', 'private: { was: old }']);
    expect(problemOf(parseNetwork(file, text)).message).toContain('at least one zone');
  });
});

describe('a stack whose thing has another name in the file', () => {
  const opened = { network: exampleOf(renamed), graph: exampleGraph(renamed) };
  const select = (pattern: string, stacks: Iterable<string> = opened.graph.byName.keys()) =>
    [...valueOf(selectStacks(candidatesOf(opened, stacks), [pattern], file))].sort();

  it.each([
    ['vpc.stage', ['example.vpc.staging']],
    ['vpc.staging', ['example.vpc.staging']],
    ['example.member.stage', ['example.member.staging']],
    ['segment.prod', ['example.segment.production']],
    ['*.stage', ['example.member.staging', 'example.route-tables.staging', 'example.vpc.staging']],
  ])('is selected by %s', (pattern, stacks) => {
    expect(select(pattern)).toEqual(stacks);
  });

  it('is not meant where a stack is really called so', () => {
    expect(select('vpc.stage', [...opened.graph.byName.keys(), 'example.vpc.stage'])).toEqual(['example.vpc.stage']);
  });

  it('has that name beside its own, and others have none', () => {
    expect(nameInFile(opened, 'example.route-tables.staging')).toEqual({ nameInFile: 'stage' });
    expect(nameInFile(opened, 'example.segment.production')).toEqual({ nameInFile: 'prod' });
    expect(
      ['vpc.production', 'segment.staging', 'transit-gateway', 'vpc.gone'].map((short) => nameInFile(opened, `example.${short}`)),
    ).toEqual([{}, {}, {}, {}]);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseNetwork, readNetwork } from '../../orchestrator/network/read-network.ts';
import { bucketOf } from '../../orchestrator/network/spec.ts';
import { exampleNetwork } from '../support/networks.ts';
import { exampleOf, exampleWith, file, lineOf } from './support/example.ts';
import { problemOf, problemsOf } from './support/results.ts';

/** The one problem of a changed example, which has to stand at `place`. */
function problemAt(text: string, place: string) {
  const problem = problemOf(parseNetwork(file, text));
  expect(problem).toMatchObject({ file, line: lineOf(text, place) });
  expect(problem.next).not.toBe('');
  return problem;
}

const reasonsOf = (text: string): string[] => problemsOf(parseNetwork(file, text)).map(({ reason }) => reason);

describe('the example network', () => {
  it('passes every check', () => {
    expect(exampleOf().spec).toMatchObject({ network: 'example', account: '111122223333', session: { minimum: 1800 } });
  });

  it('keeps its state in a bucket of its account and region', () => {
    expect(bucketOf(exampleOf().spec)).toBe('holdfast-state-111122223333-eu-west-1');
  });

  it('is the same with CRLF and with a byte order mark', () => {
    expect(exampleOf(`\ufeff${exampleNetwork.replaceAll('\n', '\r\n')}`).spec).toEqual(exampleOf().spec);
  });

  it.each(['holdfast:*', 'Name', 'N*', 'hold*'])('leaves no tag to others by which resources are found again: %s', (pattern) => {
    const text = `${exampleNetwork}\nignoreTags: [${pattern}]\n`;
    expect(problemAt(text, `[${pattern}]`).message).toContain('what resources are found again by');
  });

  it('finds the line of a place, for findings that only AWS can make', () => {
    expect(exampleOf().lineOf(['vpcs', 'staging', 'cidr'])).toBe(lineOf(exampleNetwork, 'cidr: 10.2.0.0/16'));
  });

  it('finds the nearest line above a place that is not in the file', () => {
    expect(exampleOf().lineOf(['vpcs', 'staging', 'role', 'arn'])).toBe(lineOf(exampleNetwork, 'staging:\n    segment: staging'));
  });
});

describe('an unknown key', () => {
  it('at the top is refused, with the one that was meant', () => {
    const text = `${exampleNetwork}\nvpc: {}\n`;
    expect(problemAt(text, 'vpc: {}')).toMatchObject({ reason: 'unknown-key', message: 'unknown key "vpc"', next: 'Did you mean "vpcs"?' });
  });

  it('in a VPC is refused with its path', () => {
    const text = exampleWith(['segment: staging\n', 'segment: staging\n    zones: [a]\n']);
    expect(problemAt(text, 'zones: [a]')).toMatchObject({ reason: 'unknown-key', message: 'vpcs.staging: unknown key "zones"' });
  });

  it.each([
    ['gateway', 'asn: 64512', 'asn: 64512\n  ans: 1', 'ans: 1'],
    ['segments.shared', 'reaches: [production, staging]', 'reaches: [production, staging]\n    reach: []', 'reach: []'],
    ['segments.production.routes.0', '{ to: 0.0.0.0/0, vpc: shared }', '{ to: 0.0.0.0/0, vpc: shared, via: x }', 'via: x'],
    ['defaults', 'tags:', 'tag: {}\n  tags:', 'tag: {}'],
  ])('in %s is refused', (path, from, to, place) => {
    expect(problemAt(exampleWith([from, to]), place).message).toContain(`${path}: unknown key`);
  });

  it('is refused where it is a merge key, which a network file does not have', () => {
    const text = exampleWith(['segment: staging\n', 'segment: staging\n    <<: { cidr: 10.9.0.0/16 }\n']);
    expect(problemAt(text, '<<:').message).toContain('unknown key "<<"');
  });

  it.each(['__proto__', 'constructor'])('called %s is refused like any other', (key) => {
    const text = `${exampleNetwork}\n${key}: {}\n`;
    expect(problemAt(text, `${key}: {}`).message).toContain(key);
  });

  it.each(['? [a, b]\n', '? !!binary aGk=\n', '!!timestamp 2030-01-01'])('that is no text is refused: %j', (key) => {
    const text = `${exampleNetwork}\n${key}: c\n`;
    expect(problemAt(text, key)).toMatchObject({ reason: 'invalid-value', message: 'a key here is not text' });
  });
});

describe('a missing key', () => {
  it.each(['account: "111122223333"\n', 'region: eu-west-1\n', 'network: example\n'])('is named: %j', (line) => {
    const problem = problemOf(parseNetwork(file, exampleWith([line, ''])));
    expect(problem).toMatchObject({ reason: 'missing-key', message: `${line.split(':')[0] ?? ''} is missing`, file });
  });

  it('of a VPC is at the line of the VPC', () => {
    const text = exampleWith(['    segment: staging\n', '']);
    expect(problemAt(text, '  staging:\n    cidr')).toMatchObject({ reason: 'missing-key', message: 'vpcs.staging.segment is missing' });
  });
});

describe('a value of the wrong type', () => {
  it.each([
    ['an account as a number', '"111122223333"', '111122223333', /account: .*quotes/],
    ['an account of 11 digits', '"111122223333"', '"11112222333"', /account: .*12 digits/],
    ['a region that is none', 'region: eu-west-1', 'region: Dublin', /region: a region looks like eu-west-1/],
    ['an ASN as text', 'asn: 64512', 'asn: "64512"', /gateway\.asn: .*number/],
    ['a public ASN', 'asn: 64512', 'asn: 15169', /gateway\.asn: a private ASN/],
    ['segments to reach as text', 'reaches: [production, staging]', 'reaches: production', /segments\.shared\.reaches: .*array/],
    ['a name that is null', 'segment: staging\n', 'segment:\n', /vpcs\.staging\.segment: .*null/],
    ['a tag that is set for you', 'team: platform', 'holdfast:stack: x', /holdfast:\* are set for you/],
    ['the tag Name', 'team: platform', 'Name: x', /Name, .* are set for you/],
  ])('%s', (_, from, to, message) => {
    const text = exampleWith([from, to]);
    expect(problemAt(text, to).message).toMatch(message);
  });

  it.each([
    ['a list', '- a\n'],
    ['text', 'hello\n'],
    ['a number', '5\n'],
  ])('is the whole file where it is %s', (_, text) => {
    expect(problemOf(parseNetwork(file, text))).toMatchObject({ reason: 'wrong-type', file, line: 1 });
  });

  it('is a zone with the name of its region', () => {
    const text = exampleWith(['{ a: 10.2.0.0/20', '{ eu-west-1a: 10.2.0.0/20']);
    expect(problemAt(text, 'eu-west-1a:').message).toContain('a zone is one letter');
  });

  it('is a tier without a subnet', () => {
    const text = exampleWith(['private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }', 'private: {}']);
    expect(problemAt(text, 'private: {}').message).toContain('at least one zone');
  });
});

describe('a CIDR block in the file', () => {
  it.each([
    ['malformed', 'cidr: 10.1.0.0/16', 'cidr: 10.1.0/16', /not an IPv4 CIDR block/],
    ['with host bits', 'cidr: 10.1.0.0/16', 'cidr: 10.1.0.9/16', /has host bits set; the block is 10\.1\.0\.0\/16/],
    ['larger than AWS takes', 'cidr: 10.1.0.0/16', 'cidr: 10.0.0.0/8', /a \/8; AWS takes \/16 to \/28/],
    ['smaller than AWS takes', '10.1.255.0/28', '10.1.255.0/29', /a \/29; AWS takes \/16 to \/28/],
    ['of IPv6', 'cidr: 10.1.0.0/16', 'cidr: "fd00::/8"', /not an IPv4 CIDR block/],
    ['malformed in a blackhole', 'blackholes: [10.2.0.0/16]', 'blackholes: [10.2.0.0]', /not an IPv4 CIDR block/],
    ['malformed in a gateway route', '{ to: 0.0.0.0/0, vpc: shared }', '{ to: everywhere, vpc: shared }', /not an IPv4 CIDR block/],
  ])('is refused where it is %s', (_, from, to, message) => {
    expect(problemAt(exampleWith([from, to]), to).message).toMatch(message);
  });
});

describe('what encrypts secrets', () => {
  const secretsOf = (said: string): string => exampleWith(['segments:', `state: { secrets: "${said}" }\nsegments:`]);

  it('is a passphrase where nothing is said, also beside a bucket', () => {
    expect(exampleOf().spec.state).toEqual({ secrets: 'passphrase' });
    const text = exampleWith(['segments:', 'state: { bucket: my-state }\nsegments:']);
    expect(exampleOf(text).spec.state).toEqual({ bucket: 'my-state', secrets: 'passphrase' });
  });

  it.each(['passphrase', 'awskms://alias/state?region=eu-west-1', 'awskms:///arn:aws:kms:eu-west-1:111122223333:key/1234abcd'])(
    'may be %s',
    (said) => {
      expect(exampleOf(secretsOf(said)).spec.state.secrets).toBe(said);
    },
  );

  it('is refused in another partition than the network', () => {
    expect(problemAt(secretsOf('awskms://alias/state?region=cn-north-1'), 'state: {').reason).toBe('key-in-another-partition');
  });

  it.each(['default', 'alias/state', 'awskms://', 'gcpkms://projects/p', 'awskms://alias/a b'])('is refused as %s', (said) => {
    expect(problemAt(secretsOf(said), 'secrets:').message).toContain('passphrase, or a key in KMS such as awskms://');
  });
});

describe('where calls go', () => {
  const endpointsOf = (endpoints: string, account = '444455556666'): string =>
    exampleWith(['111122223333', account], ['segments:', `endpoints: ${endpoints}\nsegments:`]);

  it('is nowhere but AWS where nothing is said', () => {
    expect(exampleOf().spec.endpoints).toBeUndefined();
  });

  it('is named by service, in one spelling', () => {
    expect(exampleOf(endpointsOf('{ ec2: "HTTPS://ec2.Example.com:443/" }')).spec.endpoints).toEqual({ ec2: 'https://ec2.example.com' });
  });

  it.each([
    ['without TLS', '{ ec2: "http://ec2.example.com" }', /endpoints\.ec2: an endpoint starts with https/],
    ['to this machine', '{ ec2: "https://[::ffff:127.0.0.1]" }', /does not lead to this machine/],
    ['with a user', '{ ec2: "https://me@example.com" }', /without a user/],
    ['of no service', '{ ec3: "https://example.com" }', /unknown key "ec3"/],
  ])('is refused %s', (_, endpoints, message) => {
    expect(problemOf(parseNetwork(file, endpointsOf(endpoints))).message).toMatch(message);
  });

  it('is refused for the lab, which has an endpoint of its own', () => {
    const problem = problemOf(parseNetwork(file, endpointsOf('{ ec2: "https://example.com" }', '111122223333')));
    expect(problem.reason).toBe('endpoints-of-the-lab');
  });
});

describe('a duplicate name', () => {
  it('of two VPCs is refused at the second', () => {
    const text = exampleWith(['  staging:\n    segment: staging', '  production:\n    segment: staging']);
    expect(problemAt(text, '  production:\n    segment: staging')).toMatchObject({
      reason: 'duplicate-name',
      message: '"production" stands here a second time',
    });
  });

  it('of two keys of a VPC is refused', () => {
    const text = exampleWith(['cidr: 10.2.0.0/16', 'cidr: 10.2.0.0/16\n    segment: shared']);
    expect(problemAt(text, 'segment: shared\n    subnets:\n      private: { a: 10.2')).toMatchObject({ reason: 'duplicate-name' });
  });

  it('is one also where YAML reads one of them as a boolean', () => {
    const text = exampleWith(['  staging:\n    segment: staging', '  "true": {}\n  true:\n    segment: staging']);
    expect(problemAt(text, '  true:\n')).toMatchObject({ reason: 'duplicate-name', message: '"true" stands here a second time' });
  });
});

describe('a name that would reach outside', () => {
  it.each([
    ['the network', 'network: example', 'network: ../example'],
    ['a VPC', '  staging:\n    segment: staging', '  ../staging:\n    segment: staging'],
    ['a segment', 'segment: staging\n', 'segment: ../staging\n'],
    ['a network with a dot', 'network: example', 'network: example.vpc'],
    ['a VPC that is a slash', '  staging:\n    segment: staging', '  a/b:\n    segment: staging'],
    ['a VPC in capitals', '  staging:\n    segment: staging', '  Staging:\n    segment: staging'],
  ])('is refused as %s', (_, from, to) => {
    expect(problemAt(exampleWith([from, to]), to).message).toContain('a name has lower-case letters, digits and hyphens');
  });

  it('is not swallowed where it is a VPC called __proto__', () => {
    const text = exampleWith(['  staging:\n    segment: staging', '  __proto__:\n    segment: staging']);
    expect(problemAt(text, '__proto__')).toMatchObject({ reason: 'invalid-value', message: '"__proto__" cannot be a name' });
  });
});

describe('a field for later', () => {
  it.each(['account: "444455556666"', 'role: arn:aws:iam::1:role/x', 'region: eu-north-1', 'secondaryCidrs: [10.9.0.0/16]', 'role:'])(
    'is refused by name: %s',
    (field) => {
      const name = field.split(':')[0] ?? '';
      const text = exampleWith(['segment: staging\n', `segment: staging\n    ${field}\n`]);
      expect(problemAt(text, `    ${field}\n`)).toMatchObject({
        reason: 'not-built-yet',
        message: expect.stringMatching(new RegExp(`^vpcs\\.staging\\.${name}: "${name}" .* not built yet`)) as string,
        next: `Remove "${name}".`,
      });
    },
  );
});

describe('the minimum of a session', () => {
  it.each(['29m', '1799s', '0m'])('is not lowered to %s', (minimum) => {
    const text = `${exampleNetwork}session: { minimum: ${minimum} }\n`;
    expect(problemAt(text, 'session:').message).toBe('session.minimum: the floor is 30m: it can be raised, not lowered');
  });

  it('is raised to 45m', () => {
    expect(exampleOf(`${exampleNetwork}session: { minimum: 45m }\n`).spec.session.minimum).toBe(2700);
  });

  it.each(['30', '"30"', 'half an hour', '-45m'])('is no duration as %s', (minimum) => {
    expect(problemAt(`${exampleNetwork}session: { minimum: ${minimum} }\n`, 'session:').message).toContain('session.minimum');
  });
});

describe('a file that says nothing', () => {
  it.each(['', '\n\n', '# only a comment\n', 'null\n', '---\n', '~\n'])('is refused as empty: %j', (text) => {
    expect(problemOf(parseNetwork(file, text))).toMatchObject({
      reason: 'empty-file',
      message: 'the network file is empty',
      next: 'Start from networks/example.yaml.',
      file,
    });
  });
});

describe('a file that is not YAML', () => {
  it.each([
    ['a tab', 'network: a\n\tregion: b\n', 2],
    ['an open bracket', 'network: a\nregion: [b\n', 3],
    ['two documents', 'network: a\n---\nnetwork: b\n', 2],
    ['an unknown tag', 'network: a\nregion: !env REGION\n', 2],
    ['a tag that makes a function', 'network: !!js/function "() => 1"\n', 1],
    ['an alias of nothing', 'network: a\nregion: *b\n', 2],
  ])('because of %s is refused at its line', (_, text, line) => {
    expect(problemsOf(parseNetwork(file, text))[0]).toMatchObject({ reason: 'not-yaml', file, line });
  });

  it.each([
    ['lists', '[', ']'],
    ['maps', '{a: ', '}'],
    ['lists by their dashes', '- ', ''],
    ['keys', '? ', ''],
  ])('because it is nested ten thousand deep is refused, and does not overflow: %s', (_, open, close) => {
    expect(problemsOf(parseNetwork(file, `${open.repeat(10_000)}x${close.repeat(10_000)}`))).toMatchObject([
      { reason: 'not-yaml', message: 'not YAML: nested too deeply', file, line: 1 },
    ]);
  });

  it('because it is nested deeply is refused before anything is built of it, which at some depths ends the process', () => {
    for (let depth = 64; depth < 6_000; depth += 97)
      expect(reasonsOf(`network: example\nsegments:\n  ${'- '.repeat(depth)}x\n`)).toEqual(['not-yaml']);
  });
});

describe('a file of YAML aliases', () => {
  /** Each level holds the one below `width` times: `width ** levels` values from a few lines. */
  const bomb = (levels: number, width: number): string =>
    Array.from({ length: levels }, (_, level) => {
      const below = level === 0 ? 'x' : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array.from({ length: width }, () => below).join(', ')}]\n`;
    }).join('');

  it.each([
    ['nine levels of nine', bomb(9, 9), 4],
    ['forty levels of two', bomb(40, 2), 12],
    ['twenty thousand levels of one', bomb(20_000, 1), 22],
    ['one value two hundred thousand times', `a: &a x\nb: [${'*a, '.repeat(200_000)}]\n`, 2],
  ])('is refused within a second: %s', (_, text, line) => {
    const started = performance.now();
    const problem = problemOf(parseNetwork(file, text));
    expect(performance.now() - started).toBeLessThan(1000);
    expect(problem).toMatchObject({
      reason: 'too-many-aliases',
      file,
      line,
      next: expect.stringContaining('Write the values out') as string,
    });
  });

  it('is refused where few aliases grow many times', () => {
    const text = `a: &a [${'x, '.repeat(1000)}]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c]\n`;
    expect(reasonsOf(text)).toEqual(['too-many-aliases']);
  });

  it('may have a few, which mean what they say', () => {
    const text = exampleWith(
      ['private: [0.0.0.0/0]\n  staging', 'private: &all [0.0.0.0/0]\n  staging'],
      ['      private: [0.0.0.0/0]\n', '      private: *all\n'],
    );
    // The first of the two left is staging's, which stands below the anchor.
    expect(exampleOf(text).spec).toEqual(exampleOf().spec);
  });

  it('is not one for asterisks inside text', () => {
    const text = exampleWith(['description: example network', `description: |\n    ${'*a '.repeat(60)}\n    *b`]);
    expect(exampleOf(text).spec.gateway.description).toContain('*b');
  });
});

describe('a network file on disk', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-unit-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('of 5 MB of aliases is refused by its size, without being parsed', async () => {
    const large = join(folder, 'large.yaml');
    await writeFile(large, `a: &a x\nb:\n${'- *a\n'.repeat(1_048_576)}`);
    const started = performance.now();
    const problem = problemOf(await readNetwork(large));
    expect(performance.now() - started).toBeLessThan(1000);
    expect(problem).toMatchObject({
      reason: 'file-too-large',
      message: 'the file has 5.0 MB; a network file has at most 1 MB',
      file: large,
    });
  });

  it('that is not there is refused by name', async () => {
    const missing = join(folder, 'missing.yaml');
    expect(problemOf(await readNetwork(missing))).toMatchObject({
      reason: 'file-not-readable',
      message: expect.stringContaining('ENOENT') as string,
      file: missing,
    });
  });

  it('that is a folder is refused', async () => {
    expect(problemOf(await readNetwork(folder))).toMatchObject({ reason: 'file-not-readable', file: folder });
  });
});

describe('many problems', () => {
  it('are all reported, each with its own line', () => {
    const text = exampleWith(
      ['region: eu-west-1', 'region: Dublin'],
      ['asn: 64512', 'asn: "x"'],
      ['segment: staging\n', 'segmnt: staging\n'],
    );
    const lines = problemsOf(parseNetwork(file, text)).map(({ line }) => line);
    const vpc = lineOf(text, '  staging:\n    segmnt');
    expect(lines).toEqual([lineOf(text, 'region: Dublin'), lineOf(text, 'asn: "x"'), vpc, vpc + 1]);
  });

  it.each([
    ['unknown keys', Array.from({ length: 5_000 }, (_, index) => `k${index}: 1`).join('\n')],
    ['keys of one name', Array.from({ length: 5_000 }, () => 'k: 1').join('\n')],
  ])('are counted after the first hundred, and fast: 5000 %s', (_, text) => {
    const problems = problemsOf(parseNetwork(file, text));
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toMatchObject({ reason: 'more-problems', message: expect.stringMatching(/^and \d+ more problems$/) as string });
  });
});

import { describe, expect, it } from 'vitest';
import { cidr, contains, overlaps, parseCidr, withoutHostBits } from '../../orchestrator/domain/cidr.ts';
import { formatSeconds, parseDuration } from '../../orchestrator/domain/duration.ts';
import { exitCodes, worstOf } from '../../orchestrator/domain/exit-codes.ts';
import { fullName, parseStackName, shortName } from '../../orchestrator/domain/stack-name.ts';

describe('a CIDR block', () => {
  it.each([
    ['10.0.0.0/16', 0x0a000000, 0x0a00ffff],
    ['0.0.0.0/0', 0, 0xffffffff],
    ['255.255.255.255/32', 0xffffffff, 0xffffffff],
    ['192.168.128.0/17', 0xc0a88000, 0xc0a8ffff],
  ])('%s has its first and last address', (text, first, last) => {
    expect(parseCidr(text)).toMatchObject({ text, first, last });
  });

  it.each([
    '',
    '10.0.0.0',
    '10.0.0/16',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.256/32',
    '10.0.0.0/16 ',
    '\n10.0.0.0/16',
    '10.0.0.0/16\n',
    '010.0.0.0/8',
    '10.0.0.0/08',
    '10.0.0.0/1e1',
    '::/0',
    'ten',
  ])('%j is malformed', (text) => {
    expect(parseCidr(text)).toBe('malformed');
  });

  it.each([
    ['10.0.0.1/16', '10.0.0.0/16'],
    ['10.1.255.255/8', '10.0.0.0/8'],
    ['255.255.255.255/31', '255.255.255.254/31'],
    ['1.2.3.4/0', '0.0.0.0/0'],
  ])('%s has host bits set; what was meant is %s', (text, meant) => {
    expect([parseCidr(text), withoutHostBits(text)]).toEqual(['host-bits-set', meant]);
  });

  it.each([
    ['10.0.0.0/16', '10.0.0.0/16', true],
    ['10.0.0.0/8', '10.200.0.0/16', true],
    ['10.200.0.0/16', '10.0.0.0/8', true],
    ['10.0.0.0/16', '10.1.0.0/16', false],
    ['0.0.0.0/0', '255.255.255.255/32', true],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect(overlaps(cidr(a), cidr(b))).toBe(expected);
  });

  it.each([
    ['10.0.0.0/16', '10.0.0.0/16', true],
    ['10.0.0.0/16', '10.0.255.0/24', true],
    ['10.0.0.0/16', '10.0.0.0/8', false],
    ['10.0.0.0/16', '10.1.0.0/24', false],
  ])('%s contains %s: %s', (outer, inner, expected) => {
    expect(contains(cidr(outer), cidr(inner))).toBe(expected);
  });

  it('throws where it is taken for one that was checked', () => {
    expect(() => cidr('10.0.0.1/16')).toThrow('10.0.0.1/16 is not a CIDR block: host-bits-set');
  });
});

describe('a duration', () => {
  it.each([
    ['90s', 90],
    ['30m', 1800],
    ['2h', 7200],
    ['1h30m', 5400],
    ['1h1m1s', 3661],
    ['0m', 0],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '30', 'm', '30 m', '30m2h', '-30m', '1.5h', '30M', 'PT30M'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each([
    [0, '0 s'],
    [-5, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [119, '1 min 59 s'],
    [1799.99, '29 min'],
    [1800, '30 min'],
    [3599, '59 min'],
    [3600, '1 h'],
    [7199, '1 h 59 min'],
  ])('of %d seconds is shown as %s, never more than there is', (seconds, shown) => {
    expect(formatSeconds(seconds)).toBe(shown);
  });
});

describe('a stack name', () => {
  it.each([
    ['example.transit-gateway', { network: 'example', kind: 'transit-gateway' }],
    ['example.vpc.shared', { network: 'example', kind: 'vpc', instance: 'shared' }],
  ])('%s splits into its parts and joins to itself', (text, parts) => {
    const name = parseStackName(text);
    expect(name).toEqual(parts);
    expect(name && fullName(name)).toBe(text);
  });

  it('is short without its network', () => {
    expect([shortName({ network: 'n', kind: 'vpc', instance: 'a' }), shortName({ network: 'n', kind: 'gateway' })]).toEqual([
      'vpc.a',
      'gateway',
    ]);
  });

  it.each([
    'example',
    'example.vpc.a.b',
    'example..a',
    '.vpc.a',
    'example.vpc.',
    '../example.vpc.a',
    'example.vpc.../x',
    'example.vpc.a/b',
    'Example.vpc.a',
    'example.vpc.1a',
    'example.vpc.a-',
    'example.vpc.a\n',
    `example.vpc.${'a'.repeat(41)}`,
  ])('is not %j', (text) => {
    expect(parseStackName(text)).toBeUndefined();
  });
});

describe('the exit code of several ends', () => {
  it('is 5 before 4 before 6 before 3 before 1 before 0', () => {
    const byUrgency = [5, 4, 6, 3, 1, 0] as const;
    for (const [index, code] of byUrgency.entries()) expect(worstOf([...byUrgency.slice(index)].reverse())).toBe(code);
  });

  it('is the failure where a signal also stopped the run', () => {
    expect(worstOf([exitCodes.stoppedBySignal, exitCodes.failed, exitCodes.done])).toBe(exitCodes.failed);
  });

  it('is 130 where nothing but a signal stopped it', () => {
    expect(worstOf([exitCodes.done, exitCodes.stoppedBySignal])).toBe(exitCodes.stoppedBySignal);
  });

  it('is 0 where nothing ended', () => {
    expect(worstOf([])).toBe(exitCodes.done);
  });
});

import { describe, expect, it } from 'vitest';
import { Foreign, jsonText, linesOf, shown, visible, webLink } from '../../orchestrator/domain/foreign.ts';
import { messageOf } from '../../orchestrator/domain/problem.ts';

describe('text of others', () => {
  it.each([
    ['plain text, é, 網 and 🙂', 'plain text, é, 網 and 🙂'],
    ['\u001b[2Jx', '\\u{1b}[2Jx'],
    ['a\r\nb\tc', 'a\\r\\nb\\tc'],
    ['\u0000\u007f\u009b', '\\u{0}\\u{7f}\\u{9b}'],
    ['\u202eabc\u2066', '\\u{202e}abc\\u{2066}'],
    ['a\u200bb\ufeff\u00ad', 'a\\u{200b}b\\u{feff}\\u{ad}'],
    ['\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\ud800 and \udc00', '\\u{d800} and \\u{dc00}'],
  ])('%j is shown as %j', (raw, text) => {
    expect(visible(raw)).toBe(text);
    expect(String(new Foreign(raw))).toBe(text);
  });

  it('that is too long is cut, with how much more there was', () => {
    const text = visible('x'.repeat(1000), 100);
    expect(text).toBe(`${'x'.repeat(60)}… (940 more characters)`);
    expect(visible(text, 100)).toBe(text);
  });

  it('is never cut in the middle of a character or of an escape', () => {
    expect(visible(`${'x'.repeat(59)}${'🙂'.repeat(50)}`, 100)).toMatch(/^x{59}… \(100 more characters\)$/);
    expect(visible(`${'x'.repeat(58)}${'\u001b'.repeat(50)}`, 100)).toMatch(/^x{58}… \(50 more characters\)$/);
  });

  it('becomes visible where it is put into a sentence', () => {
    expect(`AWS says: ${new Foreign('no\n::error::x')}.`).toBe('AWS says: no\\n::error::x.');
  });

  it('of several lines is shown line by line, and a sentence of ours in one', () => {
    expect(linesOf(new Foreign('1 error occurred:\r\n\t* no \u001b[31mVPC\n\n'))).toEqual(['1 error occurred:', '  * no \\u{1b}[31mVPC']);
    expect(linesOf('of\nours')).toEqual(['of\\nours']);
  });

  it('of very many lines is cut, with how many more there were', () => {
    const lines = new Foreign('x\n'.repeat(1000)).lines();
    expect(lines).toHaveLength(201);
    expect(lines.at(-1)).toBe('… (800 more lines)');
  });

  it('reaches a machine as it is', () => {
    expect(JSON.parse(jsonText({ text: new Foreign('a\n\u202eb') }))).toEqual({ text: 'a\n\u202eb' });
  });

  it('of an error is one line that is not endless', () => {
    expect(messageOf(new Error('no\nsuch\u001b[2J bucket'))).toBe('no\\nsuch\\u{1b}[2J bucket');
    expect(messageOf(new Error('x'.repeat(100_000))).length).toBeLessThanOrEqual(2000);
    expect(messageOf('\u001b')).toBe('\\u{1b}');
  });
});

describe('data that is to be shown', () => {
  it('is the same object where there is nothing to hide', () => {
    const data = { a: ['x', { b: 1, c: null }], d: new Map([['k', 'v']]), e: new Set(['s']), f: new Date(0), g: () => 'x' };
    expect(shown(data)).toBe(data);
  });

  it('has every string in it made visible, keys, maps and sets too', () => {
    expect(
      shown({ 'k\n': ['\u001b'], map: new Map([['\r', { x: '\u202e' }]]), set: new Set(['\u0000']), foreign: new Foreign('\n') }),
    ).toEqual({
      'k\\n': ['\\u{1b}'],
      map: new Map([['\\r', { x: '\\u{202e}' }]]),
      set: new Set(['\\u{0}']),
      foreign: new Foreign('\n'),
    });
  });

  it('keeps a key named __proto__ as a key', () => {
    const data = JSON.parse('{"__proto__": {"polluted": "\\n"}, "x": "\\n"}') as object;
    const made = shown(data);
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
    expect(Object.keys(made)).toEqual(['__proto__', 'x']);
  });

  it('that is nested too deep is left out, and does not end the process', () => {
    const data = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;
    expect(JSON.stringify(shown(data))).toBe(`${'['.repeat(41)}"…"${']'.repeat(41)}`);
  });
});

describe('JSON', () => {
  it('has escapes where a terminal or an editor would not show a character', () => {
    expect(jsonText({ a: '\u001b\u007f\u009b\u202e\u200b\u2028\ufeff\u{e0041}é' })).toBe(
      '{"a":"\\u001b\\u007f\\u009b\\u202e\\u200b\\u2028\\ufeff\\udb40\\udc41é"}',
    );
  });

  it('gives a CI no order within a line', () => {
    const text = jsonText(['##[error]x', '##vso[x]', '## [x']);
    expect(text).toBe('["#\\u0023[error]x","#\\u0023vso[x]","## [x"]');
    expect(JSON.parse(text)).toEqual(['##[error]x', '##vso[x]', '## [x']);
  });

  it('of nothing is null', () => {
    expect(jsonText(undefined)).toBe('null');
  });
});

describe('a link', () => {
  it.each(['https://ci.example/jobs/1', 'http://10.0.0.1:8080/x?y=z'])('%s is shown', (link) => {
    expect(webLink(link)).toBe(link);
  });

  it.each([
    undefined,
    null,
    '',
    'job 7',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://x.example/\u001b]8;;y\u0007',
    'https://x.example/ y',
  ])('%j is no link', (link) => {
    expect(webLink(link)).toBeUndefined();
  });
});

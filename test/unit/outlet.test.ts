import { describe, expect, it } from 'vitest';
import { jsonText } from '../../orchestrator/domain/foreign.ts';
import { clearLine, outgoing, outlet } from '../../orchestrator/ui/outlet.ts';
import { styleFor } from '../../orchestrator/ui/reporter.ts';
import { faultIn, hostileText } from './support/foreign-text.ts';
import { fc, forged, forgedMs } from './support/property.ts';

const style = styleFor({ write: () => undefined, isTTY: true, columns: 80 }, {});

/** What `outlet` writes of it. */
function written(...texts: readonly string[]): string {
  let all = '';
  const stream = outlet({ write: (text) => (all += text) });
  for (const text of texts) stream.write(text);
  return all;
}

describe('what is written', () => {
  it('has line breaks, tabs and the colours of Holdfast and of its help', () => {
    const text = `${style.bold('a')}\t${style.red(style.dim('b'))}\n\u001b[2;3mc\u001b[22;23m\u001b[;;3md\u001b[0m\u001b[1m\u001b[31me\u001b[39m`;
    expect(outgoing(text)).toBe(text);
  });

  it.each([
    ['\u001b[2J\u001b[H', '\\u{1b}[2J\\u{1b}[H'],
    ['\u001b[8mhidden', '\\u{1b}[8mhidden'],
    ['\u001b[30;47mx', '\\u{1b}[30;47mx'],
    ['\u001b[38;2;0;0;0mx', '\\u{1b}[38;2;0;0;0mx'],
    ['\u001b]8;;http://evil\u0007x', '\\u{1b}]8;;http://evil\\u{7}x'],
    ['a\rb\bc', 'a\\rb\\u{8}c'],
    ['\u009b2J\u202e\u200b\u2028', '\\u{9b}2J\\u{202e}\\u{200b}\\u{2028}'],
    ['\ud800', '\\u{d800}'],
  ])('%j is made visible', (text, seen) => {
    expect(outgoing(text)).toBe(seen);
  });

  it.each([
    ['::error::x', '| ::error::x'],
    ['a\n  ::error::x\n::stop-commands::y', 'a\n  | ::error::x\n| ::stop-commands::y'],
    ['\u001b[31m::error::x', '\u001b[31m| ::error::x'],
    ['\u00a0::error::x', '\u00a0| ::error::x'],
    ['urn:pulumi:s::p::t::n', 'urn:pulumi:s::p::t::n'],
    ['route ::/0', 'route ::/0'],
    ['x ##[error]y', 'x #\\u{23}[error]y'],
    ['##vso[task.complete]', '#\\u{23}vso[task.complete]'],
    ['## [x]', '## [x]'],
  ])('%j gives a CI no order', (text, seen) => {
    expect(outgoing(text)).toBe(seen);
  });

  it('may begin with the emptying of a line, as a live screen does, and have it nowhere else', () => {
    expect(written(`${clearLine}half of it`)).toBe(`${clearLine}half of it`);
    expect(written(`x${clearLine}`)).toBe('x\\r\\u{1b}[2K');
  });

  it(
    'is clean, whatever it is of',
    () => {
      fc.assert(
        fc.property(fc.array(hostileText, { maxLength: 5 }), (parts) => {
          const text = outgoing(parts.join('\n'))
            .replaceAll(/\u001b\[[\d;]*m/g, '')
            .replaceAll('\t', ' ');
          // A line is a line here: of whom it is was settled before.
          expect(faultIn(text.replaceAll(/^\s*(FORGED|next: curl)/gm, 'x'))).toBeUndefined();
          expect(outgoing(outgoing(parts.join('\n')))).toBe(outgoing(parts.join('\n')));
        }),
        forged,
      );
    },
    forgedMs,
  );

  it(
    'is JSON as it was',
    () => {
      fc.assert(
        fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(hostileText, hostileText)), (value) => {
          const text = jsonText(value);
          expect(faultIn(text)).toBeUndefined();
          expect(outgoing(text)).toBe(text);
          expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        }),
        forged,
      );
    },
    forgedMs,
  );
});

describe('the stream behind it', () => {
  it('is asked for its width at each time, and for its colours by the help', () => {
    const stream = { write: () => true, isTTY: true, columns: 80, rows: 24, getColorDepth: () => 8 };
    const made = outlet(stream);
    stream.columns = 100;
    expect([made.isTTY, made.columns, made.rows, made.getColorDepth?.()]).toEqual([true, 100, 24, 8]);
    expect(outlet({ write: () => true }).getColorDepth).toBeUndefined();
  });
});

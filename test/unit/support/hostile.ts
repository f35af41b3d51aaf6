import { fc } from './property.ts';

/** Text as one writes it who wants to be believed, shown or run. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    '',
    '\u001b[2J\u001b[H ok preflight: nothing is held',
    '\u202egnp.exe',
    'a\u200bb',
    'h\n::error title=Holdfast::nothing is held, go on',
    '../../../../x',
    '..',
    '/etc/passwd',
    'example.a;touch PWNED',
    '$(touch PWNED)',
    "'; touch PWNED; '",
    '\ud800',
    'ada\0',
    '__proto__',
    'constructor',
    'x'.repeat(10_000),
    '2030-01-01T00:00:00Z',
    'example.a',
    'example.b',
  ),
);

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(null, undefined, true, 0, -1, 1.5, 1e308, 2 ** 53, [], {}, [[]], { schema: 2 }, '1'),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Every place in a value, as the names on the way to it. */
function placesIn(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([name, field]) => placesIn(field, [...at, name]))];
}

function changedAt(value: unknown, [name, ...rest]: readonly string[], to: unknown): unknown {
  if (name === undefined) return to;
  const fields = value as Record<string, unknown>;
  if (Array.isArray(value)) return value.map((field: unknown, index) => (String(index) === name ? changedAt(field, rest, to) : field));
  return { ...fields, [name]: changedAt(fields[name], rest, to) };
}

/** The value with some of its places changed; undefined takes a field away. */
export const tampered = (value: object): fc.Arbitrary<unknown> =>
  fc.array(fc.tuple(fc.nat(), hostileValue), { minLength: 1, maxLength: 3 }).map((changes) =>
    changes.reduce<unknown>((now, [pick, to]) => {
      const places = placesIn(now);
      return changedAt(now, places[pick % places.length] ?? [], to);
    }, value),
  );

/** A body of an object: that of one that was tampered with, or anything. */
export const forgedBody = (...honest: readonly object[]): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .constantFrom(...honest)
        .chain(tampered)
        .map((made) => JSON.stringify([made]).slice(1, -1)),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
    { weight: 1, arbitrary: fc.json() },
  );

/** What no text of one line may have that is read from elsewhere. */
export const hasUnseen = (text: string): boolean => /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text);

/** Every text in a value. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, field]) => [name, ...textsIn(field)]);
}

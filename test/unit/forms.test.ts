import { describe, expect, it } from 'vitest';
import {
  accessKeyIdForm,
  commitForm,
  digestForm,
  etagForm,
  expiryForm,
  fittedLine,
  fittedProse,
  hostForm,
  incidentForm,
  lineForm,
  linkForm,
  machineForm,
  networkForm,
  nonceForm,
  pathForm,
  pidForm,
  proseForm,
  runForm,
  sessionNameForm,
  stackForm,
  startOfProcessForm,
  timeForm,
  userForm,
  visible,
} from '../../orchestrator/domain/forms.ts';
import { fittedProcess, lockRecordSchema } from '../../orchestrator/locks/lock-record.ts';
import { machineIdentity, ownIdentity } from '../../toolchain/process-identity.ts';
import { lockOf } from './support/owner.ts';

const forms = {
  accessKeyId: [accessKeyIdForm, 'AKIAIOSFODNN7EXAMPLE'],
  commit: [commitForm, 'a'.repeat(40)],
  digest: [digestForm, 'a'.repeat(64)],
  etag: [etagForm, '"d41d8cd98f00b204e9800998ecf8427e"'],
  expiry: [expiryForm, '2030-01-01T00:00:00.000Z'],
  host: [hostForm, 'build-7.example.com'],
  incident: [incidentForm, 'INC-7'],
  line: [lineForm(100), 'a line'],
  link: [linkForm, 'https://github.com/example/network/actions/runs/1'],
  machine: [machineForm, 'build-7+3f1c+pid:[4026531836]'],
  network: [networkForm, 'example'],
  nonce: [nonceForm, '0123456789abcdef0123456789abcdef'],
  path: [pathForm, '/home/ada/networks/example.yaml'],
  run: [runForm, '20300101T000000Z-0123abcd'],
  session: [sessionNameForm, 'holdfast-20300101T000000Z-0123abcd'],
  stack: [stackForm, 'example.vpc.shared'],
  'start of a process': [startOfProcessForm, '3f1c+12345'],
  time: [timeForm, '2030-01-01T00:00:00.000Z'],
  user: [userForm, 'ada'],
} as const;

/** By what each of them was to be believed, shown or run. */
const hostile = {
  'a control character': '\u001b',
  'a line break': '\n',
  'a carriage return': '\r',
  'a control character of the second row': '\u009b',
  'a line separator': '\u2028',
  'a mark that turns the direction': '\u202e',
  'an isolate': '\u2066',
  'a character of no width': '\u200b',
  'a letter that is not seen': '\u3164',
  'a tag character': '\u{e0041}',
  'half a character': '\ud800',
  'a zero byte': '\0',
} as const;

describe.each(Object.entries(forms))('the form of %s', (_, [form, honest]) => {
  it('takes what Holdfast writes', () => {
    expect(form.safeParse(honest).success).toBe(true);
  });

  it.each(Object.entries(hostile))('takes nothing with %s in it', (__, character) => {
    for (const text of [`${honest}${character}`, `${character}${honest}`, `${honest.slice(0, 3)}${character}${honest.slice(3)}`])
      expect(form.safeParse(text).success).toBe(false);
  });

  it('takes no text without an end', () => {
    expect(form.safeParse(honest.padEnd(10_000, 'a')).success).toBe(false);
  });
});

describe('a name that is a part of a key or of a path', () => {
  it.each(['..', '.', '', '../x', 'a/b', '-x', '.x', ' x', 'a b', '$(x)', 'a;b', "a'b"])('is not %j', (name) => {
    expect([runForm, nonceForm, stackForm, networkForm].map((form) => form.safeParse(name).success)).toEqual([false, false, false, false]);
  });
});

describe('a link', () => {
  it.each(['javascript:alert(1)', 'ftp://x/y', 'https://x/ y', "https://x/'; touch y", 'https://x/`y`', 'https://x/"y', 'https://', 'x'])(
    'is not %j',
    (link) => {
      expect(linkForm.safeParse(link).success).toBe(false);
    },
  );
});

it.each([0, -1, 1.5, 1e308, NaN, 2 ** 31, '1', null])('%j is the number of no process', (pid) => {
  expect(pidForm.safeParse(pid).success).toBe(false);
});

describe('what is written', () => {
  it('of this machine reads back', async () => {
    const [{ pid, startedAt }, machine] = await Promise.all([ownIdentity(), machineIdentity()]);
    const own = fittedProcess({ ...lockOf('example.a'), machine, pid, processStartedAt: startedAt });
    expect(own.machine).toBe(machine);
    expect(lockRecordSchema.safeParse(own).success).toBe(true);
  });

  it.each([
    ['ada', 'ada'],
    ['EXAMPLE\\ada lovelace', 'EXAMPLE\\ada lovelace'],
    ['ада', 'ада'],
    ['ada\u001b[2J', /^ada__2J-[0-9a-f]{16}$/],
    ['', /^-[0-9a-f]{16}$/],
    ['a'.repeat(500), /^a{83}-[0-9a-f]{16}$/],
  ])('is the user %j as far as it fits', (user, fitted) => {
    expect(fittedProcess({ user, host: 'h', machine: 'm' }).user).toEqual(
      typeof fitted === 'string' ? fitted : expect.stringMatching(fitted),
    );
  });

  it('shows what is not seen, and is cut at a length', () => {
    expect(visible('a\u001b[2J\u202eb')).toBe('a\\u{1b}[2J\\u{202e}b');
    expect(fittedLine('one\r\n  two\u200b')).toBe('one two\\u{200b}');
    expect(fittedProse('one\r\n\ttwo\u0007')).toBe('one\n\ttwo\\u{7}');
    expect(fittedProse('x'.repeat(5000))).toHaveLength(4000);
    expect(proseForm(4000).safeParse(`${'x'.repeat(3998)}😀😀😀`).success).toBe(false);
    expect(proseForm(4000).safeParse(fittedProse(`${'x'.repeat(3998)}😀😀😀`)).success).toBe(true);
  });
});

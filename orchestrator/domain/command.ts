import { isRunName, visible } from './forms.ts';
import { quoted } from './quoted.ts';
import { partPattern } from './stack-name.ts';

/**
 * Commands that people are told to copy. They have words of others in them: keys of the bucket, tags of AWS, what a record says. So each is made here, from a
 * verb or a program and its arguments, and quoted for a POSIX shell; a list of commands is a list, and never text. What cannot be typed, or is not what its
 * place takes, makes no command.
 */
export type Command =
  | { readonly ok: true; readonly line: string }
  /** `argument` as it came, for nobody to type. */
  | { readonly ok: false; readonly argument: string; readonly why: string };

/** What a word may be. What is in capital letters stands for what a person knows, as in `--incident ID`. */
const forms = {
  word: { is: () => true, why: '' },
  stack: { is: isStack, why: 'it is not a stack of this network' },
  run: { is: isRunName, why: 'it is not the name of a run' },
  incident: { is: isIncident, why: 'an incident is one line of 1 to 200 characters' },
} as const;

type Form = keyof typeof forms;

/** Each verb with what it takes, and the flags that messages give it. A test holds them against the commands that there are. */
export const verbs = {
  up: {
    takes: 'stack',
    flags: {
      withUpstreams: 'switch',
      run: 'run',
      yes: 'switch',
      wait: 'word',
      allow: 'word',
      besideExisting: 'switch',
      prune: 'switch',
      withDependents: 'switch',
    },
  },
  plan: { takes: 'stack', flags: { network: 'word' } },
  destroy: { takes: 'stack', flags: { withDependents: 'switch', confirm: 'stack' } },
  status: { takes: 'nothing', flags: { json: 'switch', why: 'stack' } },
  locks: { takes: 'nothing', flags: { maxAge: 'word', notify: 'switch' } },
  inventory: { takes: 'stack', flags: { diff: 'switch' } },
  runs: { takes: 'run', flags: { limit: 'word' } },
  recover: {
    takes: 'stack',
    flags: {
      incident: 'incident',
      decide: 'word',
      writerDead: 'run',
      withoutVersions: 'switch',
      changedProgram: 'switch',
      shell: 'switch',
    },
  },
  release: { takes: 'stack', flags: { incident: 'incident', unreconciled: 'switch', confirm: 'stack' } },
  freeze: { takes: 'stack', flags: { incident: 'incident' } },
  unfreeze: { takes: 'stack', flags: { all: 'switch', incident: 'incident', force: 'switch' } },
  env: { takes: 'stack', flags: { json: 'switch' } },
  graph: { takes: 'nothing', flags: { format: 'word' } },
  paths: { takes: 'word', flags: { live: 'switch' } },
  waves: { takes: 'stack', flags: { format: 'word', atMost: 'word' } },
  preflight: { takes: 'nothing', flags: { sessionExpires: 'word' } },
  bootstrap: { takes: 'nothing', flags: { network: 'word', check: 'switch', objectLock: 'switch', breakGlass: 'word' } },
  policy: { takes: 'word', flags: { network: 'word', format: 'word', part: 'word' } },
  generate: { takes: 'nothing', flags: { vpcs: 'word' } },
  lab: { takes: 'word', flags: { network: 'word', json: 'switch' } },
  drill: { takes: 'word', flags: {} },
} as const satisfies Record<string, { readonly takes: Form | 'nothing'; readonly flags: Readonly<Record<string, Form | 'switch'>> }>;

export type Verb = keyof typeof verbs;

type Value = string | number;

type FlagsOf<V extends Verb> = {
  readonly [F in keyof (typeof verbs)[V]['flags']]?: (typeof verbs)[V]['flags'][F] extends 'switch'
    ? boolean
    : Value | readonly Value[] | undefined;
};

/** Flags by name, as in `{ maxAge: '20m' }`. */
type Flags = Readonly<Record<string, boolean | Value | readonly Value[] | undefined>>;

/** A command of Holdfast's. Arguments and flags stand in the line as they are given. */
export const holdfast = <V extends Verb>(verb: V, ...args: readonly (string | FlagsOf<V>)[]): Command => ofVerb(verb, args, false);

/** The same where a shell or a file gets what it prints, and npm's own lines would be in the way. */
export const piped = <V extends Verb>(verb: V, ...args: readonly (string | FlagsOf<V>)[]): Command => ofVerb(verb, args, true);

/** The line of a command of Holdfast's, for a message. */
export const command = <V extends Verb>(verb: V, ...args: readonly (string | FlagsOf<V>)[]): string => lineOf(holdfast(verb, ...args));

/** Flags to add to the command that was run, as in `--allow-replace vpc.one/vpc`. */
export function addedFlags<V extends Verb>(verb: V, given: FlagsOf<V>): string {
  return lineOf(checked(verb, [given]) ?? spelled(wordsOf([given])));
}

/** A flag that was given, in a message about it: to be read, and not to be typed. */
export const asGiven = (flag: string, value: string): string => `--${flag} ${visible(value, mostShown)}`;

/** A command of Holdfast's that was run with these arguments, flags among them. */
export const asRun = ([verb = '', ...args]: readonly string[]): string => lineOf(ofNpm(verb, args, false));

/** A script of package.json that is none of Holdfast's commands, for those who work on Holdfast itself. */
export const script = (name: string, ...args: readonly (string | Flags)[]): string => lineOf(ofNpm(name, wordsOf(args), false));

/**
 * Another program. An argument that begins with `-` is data: it goes behind `--`, or into `--flag=value`.
 * @param name with the words that come first where some of them begin with `-`, as in `['ls', '-ld']`
 */
export const commandOf = (name: string | readonly string[], ...args: readonly (string | Flags)[]): Command =>
  spelled([...(typeof name === 'string' ? [name] : name), ...wordsOf(args)]);

/** What the command prints is run by the shell: `eval "$(…)"`. */
export const evaluated = (inner: Command): Command => (inner.ok ? { ok: true, line: `eval "$(${inner.line})"` } : inner);

/** What the command prints goes into a file. */
export const intoFile = (inner: Command, file: string): Command => {
  const to = spelled([file]);
  return inner.ok && to.ok ? { ok: true, line: `${inner.line} > ${to.line}` } : inner.ok ? to : inner;
};

/** One after another, as long as each of them succeeds. */
export function inOrder(...commands: readonly Command[]): Command {
  const refused = commands.find((each) => !each.ok);
  return refused ?? { ok: true, line: commands.flatMap((each) => (each.ok ? [each.line] : [])).join(' && ') };
}

/**
 * For a message. Where there is no command it is `npm run status`, and behind it, as a comment that no shell runs, what was refused and why: so that the line
 * does nothing else either if it is copied.
 */
export function lineOf(made: Command): string {
  if (made.ok) return made.line;
  return `${command('status')} # no command can be offered for ${quoted(visible(made.argument, mostShown))}: ${made.why}`;
}

/** Control, format and other characters that are not seen; halves of pairs, which are no text; spaces that are none to a shell. */
const unseen = /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Zs}\p{Default_Ignorable_Code_Point}]/u;

/** A terminal takes lines of 4096 bytes, and a person reads what they copy. */
const mostTyped = 1000;

/** Whether it can be a word of a command that a person copies: what cannot be seen, or is not copied as it was, cannot. */
export const isTypeable = (text: string): boolean => text.length <= mostTyped && !unseen.test(text);

/** Characters of a refused argument that are shown. */
const mostShown = 120;

/** Short name, full name, or a pattern of either, as in `vpc.*`. */
function isStack(text: string): boolean {
  const parts = text.split('.');
  return parts.length <= 3 && parts.every((part) => part === '*' || partPattern.test(part));
}

/** As the commands take it, which leave out what is around it. */
export function isIncident(text: string): boolean {
  return text !== '' && text === text.trim() && text.length <= 200 && isTypeable(text);
}

const isPlaceholder = (text: string): boolean => /^[A-Z]{2,12}$/.test(text);

function ofVerb(verb: Verb, args: readonly (string | Flags)[], quiet: boolean): Command {
  const refused = checked(verb, args);
  if (refused) return refused;
  const words = wordsOf(args);
  // `npm run env` is npm's own.
  return verb === 'env' ? ofNpm('holdfast', [verb, ...words], true) : ofNpm(verb, words, quiet);
}

/** How a command is spelled today. What every command is given, whatever it is, goes in here. */
const ofNpm = (name: string, words: readonly string[], quiet: boolean): Command =>
  spelled(['npm', 'run', ...(quiet ? ['-s'] : []), name, ...(words.length === 0 ? [] : ['--', ...words])]);

/** The first argument that is not what the verb takes in its place. */
function checked(verb: Verb, args: readonly (string | Flags)[]): Extract<Command, { ok: false }> | undefined {
  const { takes, flags: known } = verbs[verb] as {
    readonly takes: Form | 'nothing';
    readonly flags: Readonly<Record<string, Form | 'switch'>>;
  };
  for (const arg of args) {
    const given: readonly (readonly [Form | 'nothing' | 'switch', string])[] =
      typeof arg === 'string'
        ? [[takes, arg]]
        : Object.entries(arg).flatMap(([name, value]) => valuesOf(value).map((each) => [known[name] ?? 'nothing', each] as const));
    for (const [form, text] of given) {
      if (form === 'nothing') return { ok: false, argument: text, why: `${verb} takes no such argument` };
      if (form === 'switch' || isPlaceholder(text) || !isTypeable(text)) continue;
      // No verb has arguments of its own that begin so, and npm and Holdfast would each take it for a flag.
      if (typeof arg === 'string' && text.startsWith('-')) return { ok: false, argument: text, why: 'it would be taken for a flag' };
      if (!forms[form].is(text)) return { ok: false, argument: text, why: forms[form].why };
    }
  }
  return undefined;
}

const valuesOf = (value: Flags[string]): readonly string[] =>
  value === undefined || typeof value === 'boolean' ? [] : (typeof value === 'object' ? value : [value]).map(String);

/** From the first argument on that begins with `-`, all that is no flag goes behind `--`. */
function wordsOf(args: readonly (string | Flags)[]): string[] {
  const at = args.findIndex((arg) => typeof arg === 'string' && arg.startsWith('-'));
  if (at < 0) return args.flatMap((arg) => (typeof arg === 'string' ? [arg] : flagWords(arg)));
  const rest = args.slice(at);
  return [
    ...wordsOf(args.slice(0, at)),
    ...rest.flatMap((arg) => (typeof arg === 'string' ? [] : flagWords(arg))),
    '--',
    ...rest.filter((arg) => typeof arg === 'string'),
  ];
}

const flagWords = (given: Flags): string[] =>
  Object.entries(given).flatMap(([name, value]) => {
    const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === true ? [flag] : valuesOf(value).flatMap((text) => (text.startsWith('-') ? [`${flag}=${text}`] : [flag, text]));
  });

function spelled(words: readonly string[]): Command {
  const argument = words.find((word) => !isTypeable(word));
  if (argument !== undefined) return { ok: false, argument, why: 'it has characters that cannot be typed, or is too long' };
  return { ok: true, line: words.map(quoted).join(' ') };
}

import { describe, expect, it } from 'vitest';
import { parseDecision } from '../../../orchestrator/cli/decision.ts';
import { commandOf, evaluated, holdfast, inOrder, lineOf, piped, script, verbs } from '../../../orchestrator/domain/command.ts';
import type { Command, Verb } from '../../../orchestrator/domain/command.ts';
import { parseStackName, shortOf } from '../../../orchestrator/domain/stack-name.ts';
import { alertsOfHolds } from '../../../orchestrator/ui/alerts.ts';
import { unfreezeCommand } from '../../../orchestrator/ui/freeze.ts';
import { questionsOf } from '../../../orchestrator/ui/questions.ts';
import { programQuestion } from '../../../orchestrator/ui/recover.ts';
import { recoveryWords } from '../../../orchestrator/ui/recovery.ts';
import { notConfirmed, releaseAnnouncement } from '../../../orchestrator/ui/release.ts';
import { subjectsOf } from '../../../orchestrator/recovery/subjects.ts';
import { misunderstood } from '../../support/command-lines.ts';
import { typedInShell } from '../../support/shell.ts';
import { fc, forged, forgedBy, forgedMs } from '../support/property.ts';
import { evidenceOf, object, short, tagsOf } from '../support/recovery.ts';

/** So many are typed into one shell: what it is started with has a greatest length. */
const [commandsAtOnce, namesAtOnce] = [100, 20];
const several = <T>(each: fc.Arbitrary<T>, count: number): fc.Arbitrary<T[]> => fc.array(each, { minLength: count, maxLength: count });

const plain = fc.stringMatching(/^[a-z0-9./:@-]{0,8}$/);

/** What a shell, npm, Holdfast, a terminal or a person may take for something else. */
const fragment = fc.oneof(
  fc.constantFrom(
    ...[
      "'",
      '"',
      '`',
      '$(touch PWNED)',
      ';touch PWNED;',
      '\n',
      '\r',
      '\t',
      ' ',
      '-',
      '--',
      '=',
      '\\',
      '!',
      '#',
      '~',
      '*',
      '{a,b}',
      '>PWNED',
    ],
    ...[
      '&',
      '|',
      '\u0000',
      '\u001b[2J',
      '\u009b',
      '\u202e',
      '\u200b',
      '\u2028',
      '\u00a0',
      '\ud800',
      '\u{e0041}',
      'ü',
      '漢',
      '%',
      '$HOME',
      '$',
      '(',
      ')',
    ],
  ),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  plain,
);
const text = fc.oneof(
  fc.array(fragment, { maxLength: 5 }).map((parts) => parts.join('')),
  // One character alone that means something to a shell.
  fc.tuple(plain, fc.stringMatching(/^[ -~]$/), plain).map((parts) => parts.join('')),
);
const part = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/);
const stackName = fc.oneof(
  fc.tuple(part, part).map((parts) => parts.join('.')),
  text,
  fc.tuple(part, text).map((parts) => parts.join('.')),
);
const flagName = fc.constantFrom('bucket', 'key', 'copySource');
const words = fc.array(text, { maxLength: 4 });

/** A line as it is printed, and the programs with their words that it is to run; null where there is to be no command. */
interface Printed {
  readonly line: string;
  readonly means: readonly (readonly string[])[] | null;
}

const refusal = [['npm', 'run', 'status']];

const isRefused = (made: Command): boolean => !made.ok;

/** Another program, with flags before or behind its arguments. */
const ofProgram: fc.Arbitrary<Printed> = fc.tuple(words, fc.option(fc.tuple(flagName, text), { nil: undefined })).map(([args, flag]) => {
  const made = commandOf('tool', ...args, ...(flag ? [{ [flag[0]]: flag[1] }] : []));
  const option = flag ? [`--${flag[0] === 'copySource' ? 'copy-source' : flag[0]}`, flag[1]] : [];
  const spelled = option[1]?.startsWith('-') === true ? [option.join('=')] : option;
  const at = args.findIndex((arg) => arg.startsWith('-'));
  const means = at < 0 ? [...args, ...spelled] : [...args.slice(0, at), ...spelled, '--', ...args.slice(at)];
  return { line: lineOf(made), means: isRefused(made) ? null : [['tool', ...means]] };
});

const ofSequence: fc.Arbitrary<Printed> = fc.tuple(stackName, text).map(([name, word]) => {
  const made = inOrder(
    evaluated(piped('env', name)),
    commandOf('pulumi', 'stack', 'change-secrets-provider', word),
    holdfast('recover', name),
  );
  const quiet = ['npm', 'run', '-s', 'holdfast', '--', 'env', name];
  const changed = ['pulumi', 'stack', 'change-secrets-provider', ...(word.startsWith('-') ? ['--'] : []), word];
  return { line: lineOf(made), means: isRefused(made) ? null : [quiet, changed, ['npm', 'run', 'recover', '--', name]] };
});

const ofScript: fc.Arbitrary<Printed> = words.map((args) => {
  const line = script('test:all', ...args);
  const at = args.findIndex((arg) => arg.startsWith('-'));
  const given = at < 0 ? args : [...args.slice(0, at), '--', ...args.slice(at)];
  return {
    line,
    means:
      line.includes(' # ') && line.startsWith('npm run status')
        ? null
        : [['npm', 'run', 'test:all', ...(args.length === 0 ? [] : ['--', ...given])]],
  };
});

const ofVerb: fc.Arbitrary<Printed> = fc
  .tuple(fc.constantFrom(...(Object.keys(verbs) as Verb[])), stackName, text)
  .map(([verb, name, word]) => {
    const made = holdfast(verb, name, { incident: word });
    const npm = verb === 'env' ? ['npm', 'run', '-s', 'holdfast', '--', 'env'] : ['npm', 'run', verb, '--'];
    const flag = word.startsWith('-') ? [`--incident=${word}`] : ['--incident', word];
    return { line: lineOf(made), means: isRefused(made) ? null : [[...npm, name, ...flag]] };
  });

const printed = fc.oneof(ofProgram, ofSequence, ofScript, ofVerb);

/** Types each of them, and holds what was run against what was meant. */
function typed(all: readonly Printed[]): void {
  const { lines, besides } = typedInShell(all.map(({ line }) => line));
  expect(besides).toEqual([]);
  expect(lines.map(({ ran }) => ran)).toEqual(all.map(({ means }) => means ?? refusal));
}

/** Nothing of it leaves the terminal's line, or is not seen. */
const isPlain = (line: string): boolean => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line);

describe('a command that people are told to copy', () => {
  it(
    'runs its own words in a real shell, and nothing else, whatever its arguments are',
    () => {
      fc.assert(
        fc.property(several(printed, commandsAtOnce), (all) => {
          expect(all.map(({ line }) => line).filter((line) => !isPlain(line))).toEqual([]);
          typed(all);
        }),
        forgedBy(commandsAtOnce),
      );
    },
    forgedMs,
  );

  it(
    'is refused where a word cannot be seen or typed, and not for what a shell makes of one',
    () => {
      fc.assert(
        fc.property(text, (word) => {
          const made = commandOf('tool', word);
          if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/.test(word)) expect(made.ok).toBe(false);
          if (/^[ -~]*$/.test(word)) expect(made.ok).toBe(true);
        }),
        forged,
      );
    },
    forgedMs,
  );

  it(
    'names a stack, or there is none',
    () => {
      fc.assert(
        fc.property(stackName, (name) => {
          if (parseStackName(name)) expect(lineOf(holdfast('recover', name))).toBe(`npm run recover -- ${name}`);
          const made = holdfast('recover', name);
          if (made.ok && !/^[A-Z]+$/.test(name)) expect(name).toMatch(/^[a-z0-9.*-]+$/);
        }),
        forged,
      );
    },
    forgedMs,
  );
});

describe('what is printed of a name, an id, an incident, a run and a commit of others', () => {
  const commit = fc.oneof(fc.stringMatching(/^[0-9a-f]{40}$/), text);
  const taken = fc.record({ name: stackName, resource: text, id: text, incident: text, run: text, commit });

  it(
    'runs only Holdfast, or git in a checkout of a commit, with these very words',
    () => {
      fc.assert(
        fc.property(several(taken, namesAtOnce), (all) => {
          const lines = all.flatMap(({ name, resource, id, incident, run, commit: sha }) => {
            const full = `example.${name}`;
            const held = { kind: 'held', why: 'w', since: '2026-01-01T00:00:00Z', doubts: [] } as const;
            const program_ = { path: 'networks/example.yaml', digest: 'd', commit: sha } as never;
            return [
              unfreezeCommand([shortOf(full)], incident),
              ...alertsOfHolds('example', [], { byStack: new Map([[full, held]]) } as never).map(({ next }) => next),
              releaseAnnouncement(shortOf(full), false, incident).next,
              notConfirmed(full, undefined, incident).next.replace('If that is what you want: ', ''),
              ...programQuestion(shortOf(full), { program: program_, run }, undefined).answers.map(({ command }) => command),
              ...questionsOf(short, subjectsOf(evidenceOf({ objects: [object(id, { tags: tagsOf(resource) })] }))).flatMap(({ answers }) =>
                answers.map(({ command }) => command),
              ),
              (
                recoveryWords
                  .restore(name, { bucket: 'b', key: `k/${name}`, prefix: 'p', lastGood: id })
                  .split('\n')
                  .at(-1) ?? ''
              ).trim(),
            ];
          });
          expect(lines.filter((line) => !isPlain(line))).toEqual([]);
          const { lines: did, besides } = typedInShell(lines);
          expect(besides).toEqual([]);
          for (const { ran } of did) {
            expect(ran.length).toBeGreaterThan(0);
            for (const [name, ...args] of ran) {
              const isOurs = name === 'npm' && (args[0] === 'run' || args[0] === 'ci');
              const isCheckout = (name === 'git' && args.slice(0, 2).join(' ') === 'worktree add') || name === 'cd';
              const isRestore = name === 'aws' && args.slice(0, 2).join(' ') === 's3api copy-object';
              expect([name, ...args, isOurs || isCheckout || isRestore].at(-1)).toBe(true);
              if (name === 'git') expect(args[3]).toMatch(/^[0-9a-f]{40}$/);
            }
          }
        }),
        forgedBy(namesAtOnce),
      );
    },
    forgedMs,
  );

  it(
    'answers a question with the very name and id that it is about, as Holdfast itself reads it',
    async () => {
      await fc.assert(
        fc.asyncProperty(several(fc.tuple(text, text), namesAtOnce), async (all) => {
          const asked = all.flatMap(([name, id]) =>
            questionsOf(short, subjectsOf(evidenceOf({ objects: [object(id, { tags: tagsOf(name) })] })))
              .flatMap(({ answers }) => answers)
              .map(({ command }) => ({ command, name, id })),
          );
          const { lines, besides } = typedInShell(asked.map(({ command }) => command));
          expect(besides).toEqual([]);
          expect(lines).toHaveLength(asked.length);
          for (const [index, { ran }] of lines.entries()) {
            const { name, id } = asked[index] ?? { name: '', id: '' };
            const [[npm, run, verb, , ...args] = []] = ran;
            expect([npm, run, verb, args[0], ran.length]).toEqual(['npm', 'run', 'recover', short, 1]);
            expect(await misunderstood({ text: '', args: ['recover', ...args] })).toBeUndefined();
            const given = args[1] === '--decide' ? args[2] : args[1]?.replace(/^--decide=/, '');
            const resource = name.startsWith(`${short}/`) ? `${short}/${name}` : name;
            if (given !== undefined) expect(parseDecision(given)).toMatchObject({ resource, id });
          }
        }),
        forgedBy(namesAtOnce),
      );
    },
    forgedMs,
  );
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { app } from '../../orchestrator/cli/app.ts';
import {
  addedFlags,
  asGiven,
  asRun,
  command,
  commandOf,
  evaluated,
  holdfast,
  inOrder,
  intoFile,
  lineOf,
  piped,
  script,
  verbs,
} from '../../orchestrator/domain/command.ts';
import { codeSpan } from '../../orchestrator/ui/markdown.ts';
import { help } from '../../orchestrator/ui/help.ts';
import { wrapped } from '../../orchestrator/ui/table.ts';
import { commandLines, misunderstood } from '../support/command-lines.ts';
import { typedInShell } from '../support/shell.ts';

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const { scripts } = z.looseObject({ scripts: z.record(z.string(), z.string()) }).parse(manifest);

const evil = 'example.x;touch PWNED;: #';

describe('a command to copy', () => {
  it.each([
    ['has no arguments where there are none', command('status'), 'npm run status'],
    ['has its arguments behind --', command('up', 'vpc.a', 'vpc.b'), 'npm run up -- vpc.a vpc.b'],
    [
      'has the flags where they are given',
      command('lab', 'start', { network: 'networks/a.yaml' }),
      'npm run lab -- start --network networks/a.yaml',
    ],
    [
      'has a flag without a value, or has it not',
      command('unfreeze', { all: true, force: false, incident: 'INC-7' }),
      'npm run unfreeze -- --all --incident INC-7',
    ],
    ['has numbers', command('generate', { vpcs: 30 }), 'npm run generate -- --vpcs 30'],
    [
      'has a flag as often as it has values',
      addedFlags('up', { allow: ['interruption', 'deletion'] }),
      '--allow interruption --allow deletion',
    ],
    [
      'has quotes where a shell would make something else of a word',
      command('freeze', 'vpc.*', { incident: "ada's; date" }),
      `npm run freeze -- 'vpc.*' --incident 'ada'\\''s; date'`,
    ],
    [
      'has what looks like an assignment in quotes',
      command('recover', 'a', { decide: 'vpc=forget' }),
      "npm run recover -- a --decide 'vpc=forget'",
    ],
    [
      'has what begins like a flag in one word with its own',
      command('recover', 'a', { decide: '-x=forget' }),
      "npm run recover -- a '--decide=-x=forget'",
    ],
    [
      'says for what it stands where it is not known',
      command('release', 'STACK', { incident: 'ID' }),
      'npm run release -- STACK --incident ID',
    ],
    [
      'prints nothing but what it is for where a shell reads it',
      lineOf(piped('waves', { format: 'github' })),
      'npm run -s waves -- --format github',
    ],
    ['of env is not the one that npm has', command('env', 'vpc.a'), 'npm run -s holdfast -- env vpc.a'],
    [
      'of another program has no other words than given',
      lineOf(commandOf('git', 'worktree', 'add', '../a b', 'f00')),
      "git worktree add '../a b' f00",
    ],
    [
      'of another program keeps data out of its flags',
      lineOf(commandOf('git', 'show', '--output=x', { format: 'oneline' })),
      "git show --format oneline -- '--output=x'",
    ],
    ['of another program has flags of ours where they belong', lineOf(commandOf(['ls', '-ld'], '-x y')), "ls -ld -- '-x y'"],
    ['of the project itself is a script', script('test:all', { shard: '1/2' }), 'npm run test:all -- --shard 1/2'],
    ['that was run is told as it was', asRun(['recover', '--incident', 'INC 7']), "npm run recover -- --incident 'INC 7'"],
    [
      'is a list where it is several',
      lineOf(inOrder(evaluated(piped('env', 'a')), commandOf('pulumi', 'refresh'))),
      'eval "$(npm run -s holdfast -- env a)" && pulumi refresh',
    ],
    ['goes into a file', lineOf(intoFile(piped('policy', 'apply'), 'a b.json')), "npm run -s policy -- apply > 'a b.json'"],
  ])('%s', (_, line, wanted) => {
    expect(line).toBe(wanted);
  });

  it.each([
    ['a name that is no stack’s', holdfast('recover', evil), evil, 'it is not a stack of this network'],
    ['a flag in the place of a stack', holdfast('up', '--yes'), '--yes', 'it would be taken for a flag'],
    ['a run that is none', holdfast('recover', 'a', { writerDead: '$(id)' }), '$(id)', 'it is not the name of a run'],
    [
      'an incident that no command takes',
      holdfast('freeze', 'a', { incident: ' ' }),
      ' ',
      'an incident is one line of 1 to 200 characters',
    ],
    ['a line break', holdfast('recover', 'a', { decide: 'a\nb' }), 'a\nb', 'it has characters that cannot be typed, or is too long'],
    ['what is not seen', commandOf('aws', 'x\u202e'), 'x\u202e', 'it has characters that cannot be typed, or is too long'],
    ['half a character', commandOf('aws', '\ud800'), '\ud800', 'it has characters that cannot be typed, or is too long'],
    [
      'more than a terminal takes',
      commandOf('aws', 'x'.repeat(1001)),
      'x'.repeat(1001),
      'it has characters that cannot be typed, or is too long',
    ],
    ['an argument that the verb does not take', holdfast('status', 'vpc.a'), 'vpc.a', 'status takes no such argument'],
    ['one of several that is none', inOrder(holdfast('up', 'a'), holdfast('up', evil)), evil, 'it is not a stack of this network'],
    ['one in another', evaluated(piped('env', evil)), evil, 'it is not a stack of this network'],
    [
      'a file that cannot be named',
      intoFile(piped('policy', 'apply'), 'a\0'),
      'a\0',
      'it has characters that cannot be typed, or is too long',
    ],
  ])('is not made of %s', (_, made, argument, why) => {
    expect(made).toEqual({ ok: false, argument, why });
  });

  it('that cannot be made is one that looks, and says why in a comment in which nothing is hidden', () => {
    expect(command('recover', `x\n'$(id)'\u202e`)).toBe(
      `npm run status # no command can be offered for 'x\\n'\\''$(id)'\\''\\u{202e}': it has characters that cannot be typed, or is too long`,
    );
    expect(command('recover', 'A'.repeat(500))).toBe(
      `npm run status # no command can be offered for '${'A'.repeat(80)}… (420 more characters)': it is not a stack of this network`,
    );
  });

  it('says a flag that was given without what is not seen', () => {
    expect(asGiven('confirm', 'a\u001b[2Jb')).toBe('--confirm a\\u{1b}[2Jb');
  });
});

describe('a verb', () => {
  it('is a command that there is, and each command is one', () => {
    expect(Object.keys(verbs).sort()).toEqual(
      'getAllEntries' in app.root
        ? app.root
            .getAllEntries()
            .map(({ name }) => name.original)
            .sort()
        : [],
    );
  });

  it.each(Object.entries(verbs))('has a script, and flags that its command takes: %s', (verb, { flags }) => {
    expect(scripts[verb]).toBe(`node bin/holdfast.mjs ${verb}`);
    const entry = 'getAllEntries' in app.root ? app.root.getAllEntries().find(({ name }) => name.original === verb)?.target : undefined;
    const commands = entry && 'getAllEntries' in entry ? entry.getAllEntries().map(({ target }) => target) : [entry];
    const known = new Map(commands.flatMap((each) => (each && 'parameters' in each ? Object.entries(each.parameters.flags ?? {}) : [])));
    for (const [name, form] of Object.entries(flags))
      expect([name, known.get(name)?.kind === 'boolean']).toEqual([name, form === 'switch']);
  });

  it.each(
    Object.entries(help).flatMap(([name, docs]) =>
      commandLines('fullDescription' in docs ? docs.fullDescription : '', scripts).map((line) => ({ name, line })),
    ),
  )('is given in the help as Holdfast understands it: $line.text', async ({ line }) => {
    expect(await misunderstood(line)).toBeUndefined();
  });
});

describe('a printed command', () => {
  it('is not broken in the middle of a quoted word by a terminal of any width', () => {
    const note = `No run begins on it until: ${command('unfreeze', 'vpc.one', { incident: "it's x; touch y ; z" })} of ada's`;
    for (let columns = 10; columns < note.length; columns += 1) {
      const lines = wrapped(note, columns, 2);
      expect(lines.length).toBeGreaterThan(1);
      expect(lines.filter((line) => line.includes("'it'\\''s x; touch y ; z'"))).toHaveLength(1);
      expect(lines.map((line) => line.trim()).join(' ')).toBe(note);
    }
  });

  it('has each character as it is, wherever in a word it stands', () => {
    const chars = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index));
    const words = chars.flatMap((char) => [char, `${char}x`, `x${char}`, `x${char}y`, char + char]);
    // A word that begins with a hyphen would have all after it behind `--`.
    const { lines, besides } = typedInShell(words.map((word) => lineOf(commandOf('tool', `x${word}`, { flag: word }))));
    expect(besides).toEqual([]);
    expect(lines.map(({ ran }) => ran[0])).toEqual(
      words.map((word) => ['tool', `x${word}`, ...(word.startsWith('-') ? [`--flag=${word}`] : ['--flag', word])]),
    );
  });

  it('is one piece of code in Markdown, whatever ticks it has', () => {
    expect(codeSpan('npm run status')).toBe('`npm run status`');
    expect(codeSpan("x '`` y'")).toBe("```x '`` y'```");
  });
});

import { readFileSync } from 'node:fs';
import type { Linter, Rule } from 'eslint';
import { describe, expect, it } from 'vitest';
import { verbs } from '../../orchestrator/domain/command.ts';
import { foundBy, loadLint } from './support/lint-rule.ts';

const root = new URL('../../', import.meta.url);
const { default: rule } = await loadLint<{ default: Rule.RuleModule }>('lint/no-command-by-hand.js');
const { maySpellCommands, default: config } = await loadLint<{
  maySpellCommands: Readonly<Record<string, string>>;
  default: readonly Linter.Config[];
}>('eslint.config.js');

/** How many commands the code spells by hand. */
const found = foundBy(rule);

describe('a command that is spelled by hand', () => {
  it.each([
    ['in a text', "print('Next: npm run locks');"],
    ['in a template with a name in it', 'print(`Next: npm run recover -- ${short}`);'],
    ['before another text', "print('npm run recover -- ' + short);"],
    ['for a shell that reads it', 'print(`eval "$(${line})"`);'],
    ['by the name that it will have', 'print(`Next: holdfast recover ${short}`);'],
    ['by its file', 'print(`node bin/holdfast.mjs recover ${short}`);'],
    ['of git', 'print(`git worktree add ../x ${commit}`);'],
    ['of the AWS CLI', 'print(`aws s3api copy-object --bucket ${bucket}`);'],
    ['of Pulumi', 'print(`pulumi stack change-secrets-provider ${provider}`);'],
    ['of the shell', 'print(`Forbid it: chmod -R go-w ${quoted(path)}`);'],
    ['of npm, to install', "print('npm ci');"],
    ['as a list of several', 'print(`${one} && ${two}`);'],
    ['as a list that goes on', 'print(`${one} && cd x`);'],
    ['as a flag with a value', 'print(`If that is what you want: --confirm ${network}`);'],
    ['as a flag with a value in quotes', "print(`Say which: --decide '${name}/${text}'`);"],
    ['as a flag and a value in one word', 'print(`--allow=${name}`);'],
    ['as a flag and another text', "print('--confirm ' + network);"],
  ])('is refused: %s', (_, code) => {
    expect(found(code)).toBe(1);
  });

  it.each(Object.keys(verbs))('is refused whatever its verb is: %s', (verb) => {
    expect(found(`print('See \`holdfast ${verb}\`')`)).toBe(1);
  });

  it.each([
    ['a command that is made', "print(`Next: ${command('recover', short, { incident })}`);"],
    ['the arguments of a process', "step('npm', ['run', '-s', 'check']); spawn('git', ['worktree', 'add', folder]);"],
    ['a flag by its name', "print('Add --yes, or --out FILE.', `${file}: --parallel is a number`);"],
    ['what is said of the other CLI', "print('Do not run pulumi cancel', 'the aws plugin', 'plain pulumi of ada');"],
    ['keys and tags', "get('holdfast:stack', 'holdfast.json', `.holdfast/runs/${network}`);"],
    ['Holdfast in a sentence', "print('a newer Holdfast recovers it', 'npm start');"],
  ])('is not: %s', (_, code) => {
    expect(found(code)).toBe(0);
  });

  it('is looked for in all that prints one', () => {
    expect(config.find(({ name }) => name === 'commands-in-one-place')).toMatchObject({
      files: ['orchestrator/**/*.ts', 'lab/**/*.ts', 'toolchain/**/*.{ts,mjs}'],
      ignores: Object.keys(maySpellCommands),
      rules: { 'commands/no-command-by-hand': 'error' },
    });
  });

  it.each(Object.entries(maySpellCommands))('is allowed only where there is one: %s, since %s', (path) => {
    expect(found(readFileSync(new URL(path, root), 'utf8'))).toBeGreaterThan(0);
  });
});

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { commandLines, misunderstood } from '../support/command-lines.ts';
import { readWorkflows, root } from '../support/workflows.ts';

const manifest: unknown = JSON.parse(await readFile(`${root}package.json`, 'utf8'));
const { scripts } = z.looseObject({ scripts: z.record(z.string(), z.string()) }).parse(manifest);
const guide = { file: 'docs/ci.md', text: await readFile(`${root}docs/ci.md`, 'utf8') };
/** The nightly workflow runs this project's own tests, and no command. */
const workflows = (await readWorkflows()).filter(({ file }) => !file.endsWith('nightly.yml'));
const pages = [...workflows, guide];

const argsIn = (page: string) => commandLines(page, scripts).map(({ args }) => args);

describe.each(pages)('each command in $file', ({ text }) => {
  const lines = commandLines(text, scripts);

  it('is found', () => {
    expect(lines).not.toEqual([]);
    expect(lines.filter((line) => line.text.startsWith('node'))).toHaveLength(text.split('bin/holdfast.mjs').length - 1);
  });

  it.each(lines)('is one that Holdfast understands: $text', async (line) => {
    expect(await misunderstood(line)).toBeUndefined();
  });
});

// JSON is YAML.
const blocks = [...guide.text.matchAll(/^( *)```(?:yaml|json)\n([\s\S]*?)^ *```$/gm)].map(([, indent = '', block = '']) =>
  block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
);

it.each(blocks)('a file that docs/ci.md shows can be read: %s', (block) => {
  expect(parse(block)).toBeTypeOf('object');
});

describe('a command on a page', () => {
  it.each([
    ['with variables', 'exec node bin/holdfast.mjs up $STACKS --network "$HOLDFAST_NETWORK" --yes', ['up', '1', '--network', '1', '--yes']],
    ['over two lines', 'node bin/holdfast.mjs locks \\\n  --notify', ['locks', '--notify']],
    ['before a pipe', "node bin/holdfast.mjs graph --format json | jq -r '.x'", ['graph', '--format', 'json']],
    ['before a redirection', 'node bin/holdfast.mjs graph >> "$FILE"', ['graph']],
    ['before a comment', 'npm run plan -- vpc.a    # and no other', ['plan', 'vpc.a']],
    ['in a substitution', 'eval "$(npm run -s holdfast -- env vpc.a)"', ['env', 'vpc.a']],
    ['in a sentence', 'First `npm run recover -- vpc.a`, and then again.', ['recover', 'vpc.a']],
    ['by its own script', 'npm run inventory -- "vpc.*" --diff', ['inventory', 'vpc.*', '--diff']],
    ['with something left out', 'npm run up -- …', ['up']],
  ])('%s is read', (_, page, args) => {
    expect(argsIn(page)).toEqual([args]);
  });

  it('of npm and not of Holdfast is left alone', () => {
    expect(argsIn('npm ci && npm run check')).toEqual([]);
  });

  it.each([
    ['a flag that there is not', 'npm run up -- --no-such-flag', /no-such-flag/],
    ['a command that there is not', 'node bin/holdfast.mjs apply', /apply/],
    ['a value that there is not', 'npm run graph -- --format picture', /picture/],
    ['an argument too many', 'npm run status -- vpc.a', /vpc\.a|argument/i],
    ['a script that there is not', 'npm run no-such-script', /no script no-such-script/],
  ])('with %s is not understood', async (_, page, says) => {
    const [line] = commandLines(page, scripts);
    expect(line && (await misunderstood(line))).toMatch(says);
  });
});

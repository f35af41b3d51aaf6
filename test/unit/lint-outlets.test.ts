import { readdirSync, readFileSync } from 'node:fs';
import { Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
/** It has no types. */
const { default: config } = (await import(new URL('eslint.config.js', root).href)) as { default: readonly Linter.Config[] };
const rule = config.find(({ name }) => name === 'one-way-out-for-text');

const linter = new Linter();
const found = (code: string): number =>
  linter.verify(code, [{ files: ['**/*.ts'], languageOptions: { parser: tseslint.parser }, rules: rule?.rules ?? {} }], 'code.ts').length;

describe('a way to a terminal past the outlets', () => {
  it.each([
    ['of a command', 'this.process.stdout.write(`${tag}\\n`);'],
    ['of a function that has the context', 'context.process.stderr.write(text);'],
    ['of the process itself', "import process from 'node:process'; process.stdout.write(text);"],
    ['of the process under a name', 'const { write } = process.stderr;'],
    ['of the process handed on', 'pipe(process.stdout);'],
  ])('is refused: %s', (_, code) => {
    expect(found(code)).toBeGreaterThan(0);
  });

  it.each([
    ['what a child prints', "child.stdout.on('data', (chunk) => onOutput(chunk));"],
    ['the width of a screen', 'const { columns } = styleFor(this.process.stdout, this.env);'],
    ['another stream', 'response.write(body);'],
  ])('is not %s', (_, code) => {
    expect(found(code)).toBe(0);
  });

  it('is open to those files alone that have the outlets, which there are', () => {
    const mayWrite = [
      'orchestrator/ui/outlet.ts',
      'orchestrator/ui/reporter.ts',
      'orchestrator/ui/screen.ts',
      'orchestrator/cli/report.ts',
      'orchestrator/cli/main.ts',
    ];
    expect([rule?.files, rule?.ignores]).toEqual([['orchestrator/**/*.ts'], mayWrite]);
    for (const file of mayWrite) expect(readFileSync(new URL(file, root), 'utf8')).not.toBe('');
  });

  it('is taken by no file of the orchestrator under a remark that silences the linter', () => {
    const files = readdirSync(new URL('orchestrator/', root), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    expect(files.length).toBeGreaterThan(100);
    for (const file of files)
      expect(readFileSync(new URL(`orchestrator/${file}`, root), 'utf8')).not.toMatch(
        /eslint-disable[^\n]*(no-console|no-restricted-syntax)/,
      );
  });
});

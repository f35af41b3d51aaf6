import { Linter } from 'eslint';
import type { Rule } from 'eslint';
import tseslint from 'typescript-eslint';

const root = new URL('../../../', import.meta.url);

/** A module of the project's lint: none of them has types. */
export const loadLint = async <T>(path: string): Promise<T> => (await import(new URL(path, root).href)) as T;

const linter = new Linter();

/** How often the code breaks the rule. */
export const foundBy =
  (rule: Rule.RuleModule) =>
  (code: string): number =>
    linter.verify(
      code,
      [
        {
          files: ['**/*.ts'],
          languageOptions: { parser: tseslint.parser },
          plugins: { holdfast: { rules: { tried: rule } } },
          rules: { 'holdfast/tried': 'error' },
        },
      ],
      'code.ts',
    ).length;

import tseslint from 'typescript-eslint';
import commandByHand from './lint/no-command-by-hand.js';
import decideOnCodes from './lint/no-decision-on-words.js';

/** Each room says which packages and rooms it may import (docs/architecture.md, "Rooms"). */
const only = (room, files, { packages = [], rooms = [] }) => ({
  name: `rooms/${room}`,
  files,
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          ...packages.map((p) => ({ regex: `^${p}`, message: `${room}/ may not import ${p}` })),
          ...rooms.map((r) => ({ regex: `^\\.{1,2}/(.*/)?${r}/`, message: `${room}/ may not import ${r}/` })),
        ],
      },
    ],
  },
});

const automation = '@pulumi/pulumi/automation';
const sdk = '@aws-sdk/';
const everywhere = [
  'cli',
  'network',
  'graph',
  'reachability',
  'preflight',
  'run',
  'recovery',
  'inventory',
  'gateway',
  'journal',
  'state',
  'locks',
  'ownership',
  'pulumi',
  'aws',
  'ui',
];

/** What each room of the orchestrator is kept away from; anything else it may import. */
const rooms = everywhere.map((room) =>
  only(`orchestrator/${room}`, [`orchestrator/${room}/**/*.ts`], {
    packages: [...(room === 'pulumi' ? [] : [automation]), ...(room === 'ui' ? [] : ['listr2']), ...(room === 'aws' ? [] : [sdk])],
    rooms: [...(room === 'cli' ? [] : ['cli', 'lab']), ...(['cli', 'ui'].includes(room) ? [] : ['ui'])],
  }),
);

/** Where words are read that give no code: the words of others, old ones, and those that are only told apart from one another. Each with why. */
export const mayReadWords = {
  'orchestrator/aws/permissions/denial.ts': 'AWS names the action that it denies in its words alone',
  'orchestrator/aws/session.ts': 'STS says in its words alone that a role allows no session of two hours; it picks a hint',
  'orchestrator/pulumi/engine.ts': 'the engine tells of a lock, and that it heard an interrupt, in its words alone',
  'orchestrator/cli/with-bucket.ts': 'a note in the same words as before is not told again',
};

/** Where a command is a text. Each with why. */
export const maySpellCommands = {
  'orchestrator/domain/command.ts': 'it makes them',
  'toolchain/start.mjs': 'it runs before there is anything that could read TypeScript, and has no words of others',
};

export default tseslint.config(
  { ignores: ['node_modules/', '.holdfast/', 'bin/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        // Text of others, which is made visible where it is put into a sentence.
        { allowNumber: true, allowBoolean: true, allow: [{ from: 'file', name: 'Foreign', path: 'orchestrator/domain/foreign.ts' }] },
      ],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_$' }],
      // Brackets say that a key comes from outside, as an environment variable does.
      '@typescript-eslint/dot-notation': 'off',
      'no-console': 'error',
    },
  },
  {
    name: 'codes-and-not-sentences',
    files: ['orchestrator/**/*.ts'],
    ignores: ['orchestrator/ui/**', ...Object.keys(mayReadWords)],
    plugins: { holdfast: { rules: { 'no-decision-on-words': decideOnCodes } } },
    rules: { 'holdfast/no-decision-on-words': 'error' },
  },
  {
    name: 'one-way-out-for-text',
    files: ['orchestrator/**/*.ts'],
    ignores: [
      'orchestrator/ui/outlet.ts',
      'orchestrator/ui/reporter.ts',
      'orchestrator/ui/screen.ts',
      'orchestrator/cli/report.ts',
      'orchestrator/cli/main.ts',
    ],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.property.name='write'][callee.object.property.name=/^std(out|err)$/]",
          message: 'Print through cli/report.ts or an event: what others wrote is made visible there',
        },
        {
          selector: "MemberExpression[object.name='process'][property.name=/^std(out|err)$/]",
          message: 'The streams of the process are behind the outlets of cli/main.ts: take the context',
        },
      ],
    },
  },
  {
    name: 'commands-in-one-place',
    files: ['orchestrator/**/*.ts', 'lab/**/*.ts', 'toolchain/**/*.{ts,mjs}'],
    ignores: Object.keys(maySpellCommands),
    plugins: { commands: { rules: { 'no-command-by-hand': commandByHand } } },
    rules: { 'commands/no-command-by-hand': 'error' },
  },
  ...rooms,
  only('orchestrator/domain', ['orchestrator/domain/**/*.ts'], {
    packages: ['(?!zod$|\\.)'],
    rooms: [...everywhere, 'lab', 'stacks'],
  }),
  only('stacks', ['stacks/**/*.ts'], { packages: [automation, sdk, 'listr2'], rooms: ['lab', 'cli', 'run', 'ui'] }),
);

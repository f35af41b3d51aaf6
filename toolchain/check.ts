import process from 'node:process';
import { execa } from 'execa';

/** `npm run check`: types, lint, format and unused code, all at once. What each has found is printed when it ends. */
const checks = ['types', 'lint', 'format', 'unused'];

const failed = await Promise.all(
  checks.map(async (check) => {
    const { exitCode, all } = await execa('npm', ['run', '-s', `check:${check}`], {
      all: true,
      reject: false,
      env: { FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
    });
    if (all !== '') process.stdout.write(`${all}\n`);
    if (exitCode !== 0) process.stderr.write(`${check}: failed\n`);
    return exitCode !== 0;
  }),
);
process.exitCode = failed.includes(true) ? 1 : 0;

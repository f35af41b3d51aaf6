import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { Reporter, TestModule } from 'vitest/node';
import { closingLine } from '../toolchain/test-results.ts';
import type { Counts } from '../toolchain/test-results.ts';

/**
 * Ends a run with the one line that CI systems read: `N passed, N failed, N skipped`. What could not even be loaded counts as failed.
 * Where HOLDFAST_TEST_COUNTS names a file, the counts are written there, too.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = countsOf(modules, errors);
    const file = process.env['HOLDFAST_TEST_COUNTS'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
    // After the other reporters, which also print when the run ends.
    process.once('exit', () => process.stdout.write(`${closingLine(counts)}\n`));
  }
}

function countsOf(modules: readonly TestModule[], errors: readonly unknown[]): Counts {
  const counts = { passed: 0, skipped: 0 };
  const failures = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  for (const testModule of modules) {
    const file = path.relative(process.cwd(), testModule.moduleId);
    if (testModule.errors().length > 0) failures.push(`${file} could not be loaded`);
    for (const test of testModule.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') counts.passed += 1;
      else if (state === 'failed') failures.push(`${file} > ${test.fullName}`);
      else counts.skipped += 1;
    }
  }
  const files = modules
    .map((testModule) => ({
      file: path.relative(process.cwd(), testModule.moduleId),
      seconds: Math.round(testModule.diagnostic().duration + testModule.diagnostic().collectDuration) / 1000,
    }))
    .toSorted((a, b) => b.seconds - a.seconds);
  return { ...counts, failed: failures.length, failures, files };
}

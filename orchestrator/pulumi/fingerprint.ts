import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Beside the kinds themselves: what turns a network file into their inputs, and runs them. */
const otherSources = ['orchestrator/pulumi/kind.ts', 'orchestrator/pulumi/program.ts', 'orchestrator/network/spec.ts'];

/**
 * Tells whether the code that says what the stacks are is the same as at another time.
 * @param root folder of the package
 * @returns SHA-256, in hexadecimal
 */
export async function programFingerprint(root: string): Promise<string> {
  const kinds = (await readdir(join(root, 'stacks'))).filter((name) => name.endsWith('.ts')).map((name) => `stacks/${name}`);
  const hash = createHash('sha256');
  for (const file of [...kinds, ...otherSources].sort())
    hash
      .update(`${file}\0`)
      .update(await readFile(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

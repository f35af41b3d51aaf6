import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';

/** A module that is loaded for what it does, and not only for its types. */
const loads = /^\s*(?:(?:import|export)\s(?!type\b)[^;]*?from\s*|import\s+|.*\bimport\()'(\.{1,2}\/[^']+)'/gm;

/** What runs the program of every kind. */
const runner = 'orchestrator/pulumi/program.ts';

const manifestSchema = z.looseObject({ dependencies: z.record(z.string(), z.string()) });

/** Packages whose release decides what a program declares. Pinned, so that the name of the release is enough. */
const packages = ['@pulumi/pulumi', '@pulumi/aws', 'zod'] as const;

/**
 * What a kind's program is made of: its file, every file of ours that it loads, and the releases of the packages. Two programs with the same digest
 * declare the same things from the same inputs.
 */
export class ProgramCode {
  readonly #root: string;
  readonly #files = new Map<string, Promise<{ readonly text: string; readonly loads: readonly string[] }>>();
  readonly #digests = new Map<string, Promise<string>>();

  /** @param root folder of the package */
  constructor(root: string) {
    this.#root = root;
  }

  /** @param kind as in `stacks/<kind>.ts` */
  digest(kind: string): Promise<string> {
    const known = this.#digests.get(kind) ?? this.#digestOf([`stacks/${kind}.ts`, runner]);
    this.#digests.set(kind, known);
    return known;
  }

  async #digestOf(entries: readonly string[]): Promise<string> {
    const texts = new Map<string, string>();
    const open = [...entries];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (texts.has(file)) continue;
      const read = await this.#read(file);
      texts.set(file, read.text);
      open.push(...read.loads);
    }
    const manifest = manifestSchema.parse(JSON.parse((await this.#read('package.json')).text));
    const hash = createHash('sha256');
    for (const [file, text] of [...texts].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${file}\0${text}\0`);
    for (const name of packages) hash.update(`${name}\0${manifest.dependencies[name] ?? ''}\0`);
    return hash.digest('base64url').slice(0, 22);
  }

  #read(file: string): Promise<{ readonly text: string; readonly loads: readonly string[] }> {
    const known = this.#files.get(file) ?? this.#load(file);
    this.#files.set(file, known);
    return known;
  }

  async #load(file: string): Promise<{ readonly text: string; readonly loads: readonly string[] }> {
    const text = await readFile(join(this.#root, file), 'utf8');
    const loaded = [...text.matchAll(loads)].map(([, specifier = '']) => relative(this.#root, join(this.#root, dirname(file), specifier)));
    return { text, loads: file.endsWith('.ts') ? loaded : [] };
  }
}

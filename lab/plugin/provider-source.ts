import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** The Terraform AWS provider's module. Its packages are internal, so what uses them must lie within it. */
export const providerModule = 'github.com/hashicorp/terraform-provider-aws';

/** The services whose resource types the stacks use (lab/plugin/provider/resources.go), and what the provider itself asks. */
export const keptServices: ReadonlySet<string> = new Set(['cloudwatch', 'ec2', 'logs', 'meta', 's3', 'sns', 'sts']);

const servicePackagesFile = 'internal/provider/sdkv2/service_packages_gen.go';
const clientTableFile = 'internal/conns/awsclient_gen.go';

/** What the provider reads at each start of all that AWS has: most of the time that a start takes. */
const serviceDataFile = 'names/data/names_data.hcl';

/** The one timer that all of the provider's own waits go through; the retries of AWS's SDK do not. */
const timerFile = 'internal/backoff/backoff.go';

/**
 * What a wait is divided by. The provider waits as AWS needs it: two minutes before it first looks whether a gateway is deleted. The emulator needs no
 * time. Only a plugin built here is divided, which the lab alone uses: for AWS the engine provides the official one.
 */
const waitDivisor = 20;

/** The package of ours that is put beside the provider's, and lets `lab/plugin/provider` in. */
const doorPackage = 'holdfastdoor';
const doorSource = `// Package ${doorPackage} hands out the provider, which is internal to this module.
package ${doorPackage}

import (
	"context"

	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"${providerModule}/internal/provider/sdkv2"
)

func NewProvider(ctx context.Context) (*schema.Provider, error) { return sdkv2.NewProvider(ctx) }
`;

/**
 * Copies the packages of the AWS provider that are needed for the kept services, and puts the door beside them.
 *
 * The provider names every service of AWS in two generated files: with both cut to what is kept, Go compiles about
 * 1,250 packages and not 2,050, and this copies a tenth of the module.
 */
export async function copyProviderSource(from: string, to: string): Promise<void> {
  const entry = await readFile(path.join(from, servicePackagesFile), 'utf8');
  const edited = new Map([
    [servicePackagesFile, keepServicePackages(entry, keptServices)],
    [timerFile, divideWaits(await readFile(path.join(from, timerFile), 'utf8'))],
  ]);

  const called = new Set<string>();
  const seen = new Set<string>();
  const open = [path.dirname(servicePackagesFile)];
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    if (seen.has(directory)) continue;
    seen.add(directory);
    for (const source of await copyPackage(path.join(from, directory), path.join(to, directory))) {
      const file = path.posix.join(directory, source.name);
      const text = edited.get(file) ?? source.text;
      open.push(...importedPackages(text));
      if (file !== clientTableFile) for (const client of calledClients(text)) called.add(client);
    }
  }

  const table = await readFile(path.join(from, clientTableFile), 'utf8');
  edited.set(clientTableFile, keepClients(table, called));
  edited.set(serviceDataFile, keepServiceData(await readFile(path.join(from, serviceDataFile), 'utf8'), keptServices));
  edited.set(`${doorPackage}/${doorPackage}.go`, doorSource);
  for (const file of ['go.mod', 'go.sum']) edited.set(file, await readFile(path.join(from, file), 'utf8'));
  for (const [file, text] of edited) {
    await mkdir(path.join(to, path.dirname(file)), { recursive: true });
    await writeFile(path.join(to, file), text);
  }
}

/** Copies one package: its files but tests, and the folders of data that it may embed. Returns its Go sources. */
async function copyPackage(from: string, to: string): Promise<{ name: string; text: string }[]> {
  await mkdir(to, { recursive: true });
  const sources: { name: string; text: string }[] = [];
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = path.join(to, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'testdata' && (await holdsOnlyData(source))) await copyWritable(source, target);
      continue;
    }
    if (entry.name.endsWith('_test.go')) continue;
    // Files of the module cache are read-only; a copy must be possible to overwrite and to delete.
    const bytes = await readFile(source);
    await writeFile(target, bytes);
    if (!entry.name.endsWith('.go')) continue;
    const text = bytes.toString('utf8');
    if (!isGenerator(text)) sources.push({ name: entry.name, text });
  }
  return sources;
}

async function copyWritable(from: string, to: string): Promise<void> {
  if ((await stat(from)).isDirectory()) {
    await mkdir(to, { recursive: true });
    for (const name of await readdir(from)) await copyWritable(path.join(from, name), path.join(to, name));
  } else {
    await writeFile(to, await readFile(from));
  }
}

async function holdsOnlyData(directory: string): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true });
  return entries.every((entry) => !entry.endsWith('.go'));
}

const isGenerator = (text: string): boolean => /^\/\/go:build (generate|ignore)\b/m.test(text);

/** The folders of the provider's own packages that a Go source imports. */
export function importedPackages(source: string): string[] {
  const pattern = new RegExp(`^\\s*(?:import )?(?:[\\w.]+ )?"${providerModule.replaceAll('.', '\\.')}/([^"]+)"`, 'gm');
  return [...source.matchAll(pattern)].flatMap((match) => match[1] ?? []);
}

function calledClients(source: string): string[] {
  return [...source.matchAll(/\.(\w+Client)\(/g)].flatMap((match) => match[1] ?? []);
}

/** Leaves only the kept services in the generated list of service packages. */
export function keepServicePackages(source: string, kept: ReadonlySet<string>): string {
  const found = new Set<string>();
  const lines = source.split('\n').filter((line) => {
    const service = /^\t"[^"]+\/internal\/service\/(\w+)"$/.exec(line)?.[1] ?? /^\t\t(\w+)\.ServicePackage\(ctx\),$/.exec(line)?.[1];
    if (service === undefined) return true;
    found.add(service);
    return kept.has(service);
  });
  const missing = [...kept].filter((service) => !found.has(service));
  if (missing.length > 0) throw new Error(`The provider's list of service packages has no ${missing.join(', ')}`);
  return lines.join('\n');
}

/** Leaves only the kept services in the provider's data of services, of which each is a block at the outermost level. */
export function keepServiceData(source: string, kept: ReadonlySet<string>): string {
  const found = new Set<string>();
  const text = source.replaceAll(/^service "(\w+)" \{\n(?:.*\n)*?\}\n\n?/gm, (block, service: string) => {
    found.add(service);
    return kept.has(service) ? block : '';
  });
  const missing = [...kept].filter((service) => !found.has(service));
  if (missing.length > 0) throw new Error(`The provider's data of services has no ${missing.join(', ')}`);
  return text;
}

/** Divides what the provider's timer waits. The provider's own timeouts stay as they are. */
export function divideWaits(source: string): string {
  const wait = 'func (t *timerImpl) After(d time.Duration) <-chan time.Time {\n\treturn time.After(d)\n}\n';
  if (source.split(wait).length !== 2 || source.split('time.After(').length !== 2)
    throw new Error(`The provider's ${timerFile} has another timer than the one that this was written for`);
  return source.replace('time.After(d)', `time.After(d / ${waitDivisor})`);
}

/** Leaves only the called clients in the generated table of clients, and the imports that these need. */
export function keepClients(source: string, called: ReadonlySet<string>): string {
  const body = source.replaceAll(/^func \(c \*AWSClient\) (\w+)\(.*\n(?:.*\n)*?\}\n\n?/gm, (method, name: string) =>
    called.has(name) ? method : '',
  );
  return body.replaceAll(/^\t(?:(\w+) )?"([^"]+)"\n/gm, (line, alias: string | undefined, importPath: string) => {
    const name =
      alias ??
      importPath
        .replace(/\/v\d+$/, '')
        .split('/')
        .at(-1) ??
      '';
    return new RegExp(`\\b${name}\\.`).test(body.replaceAll(/"[^"]*"/g, '')) ? line : '';
  });
}

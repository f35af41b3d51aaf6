import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { script } from '../orchestrator/domain/command.ts';
import { sha256Of } from './checksums.ts';
import { awsPluginVersion, pulumiCliVersion } from './versions.ts';
import { messageOf } from '../orchestrator/domain/problem.ts';

/**
 * `npm run pin-releases`: writes down the SHA-256 of the executables in Pulumi's releases, for each platform that Holdfast runs on. Each archive is fetched
 * from two places that different keys publish to, and has to be the same at both. What it writes is for a person to review, as any change of a pin.
 */
interface Release {
  readonly tool: 'aws-plugin' | 'pulumi-cli';
  readonly version: string;
  readonly platform: string;
  readonly urls: readonly [string, string];
  /** Path of the executable in the archive. */
  readonly executable: string;
}

export type Fetch = (url: string) => Promise<Response>;

const machines: Readonly<Record<string, { readonly plugin: string; readonly cli: string }>> = {
  'linux-x64': { plugin: 'linux-amd64', cli: 'linux-x64' },
  'linux-arm64': { plugin: 'linux-arm64', cli: 'linux-arm64' },
  'darwin-x64': { plugin: 'darwin-amd64', cli: 'darwin-x64' },
  'darwin-arm64': { plugin: 'darwin-arm64', cli: 'darwin-arm64' },
};

export const releases: readonly Release[] = Object.entries(machines).flatMap(([platform, { plugin, cli }]): Release[] => {
  const pluginFile = `pulumi-resource-aws-v${awsPluginVersion}-${plugin}.tar.gz`;
  const cliFile = `pulumi-v${pulumiCliVersion}-${cli}.tar.gz`;
  return [
    {
      tool: 'aws-plugin',
      version: awsPluginVersion,
      platform,
      urls: [
        `https://get.pulumi.com/releases/plugins/${pluginFile}`,
        `https://github.com/pulumi/pulumi-aws/releases/download/v${awsPluginVersion}/${pluginFile}`,
      ],
      executable: 'pulumi-resource-aws',
    },
    {
      tool: 'pulumi-cli',
      version: pulumiCliVersion,
      platform,
      urls: [
        `https://get.pulumi.com/releases/sdk/${cliFile}`,
        `https://github.com/pulumi/pulumi/releases/download/v${pulumiCliVersion}/${cliFile}`,
      ],
      executable: 'pulumi/pulumi',
    },
  ];
});

/** @throws where one place cannot be reached, the two have different archives, or there is no such executable in them */
export async function checksumOf({ urls, executable }: Pick<Release, 'urls' | 'executable'>, get: Fetch): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-pin-'));
  try {
    const archives = await Promise.all(
      urls.map(async (url, index) => {
        const file = path.join(folder, `${index}.tar.gz`);
        const answer = await get(url);
        if (!answer.ok || answer.body === null) throw new Error(`${url}: ${answer.status}`);
        await pipeline(Readable.fromWeb(answer.body as never), createWriteStream(file));
        return { url, file, sha256: await sha256Of(file) };
      }),
    );
    const [first, second] = archives;
    if (first === undefined || first.sha256 !== second?.sha256)
      throw new Error(`not the same at both places: ${archives.map(({ url, sha256 }) => `${url} is ${sha256}`).join(', ')}`);
    return await insideOf(first.file, executable);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function insideOf(archive: string, executable: string): Promise<string> {
  const tar = spawn('tar', ['-xzOf', archive, executable], { stdio: ['ignore', 'pipe', 'ignore'] });
  const hash = createHash('sha256');
  let size = 0;
  tar.stdout.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    size += chunk.length;
  });
  const [code] = (await once(tar, 'close')) as [number | null];
  if (code !== 0 || size === 0) throw new Error(`${archive} has no ${executable}`);
  return hash.digest('hex');
}

/** The text of `release-checksums.ts`. */
export function tableOf(pins: readonly (Pick<Release, 'tool' | 'version' | 'platform'> & { readonly sha256: string })[]): string {
  const of = (tool: Release['tool'], version: string): string => {
    const lines = pins.filter((pin) => pin.tool === tool).map(({ platform, sha256 }) => `      '${platform}': '${sha256}',\n`);
    return `    '${version}': {\n${lines.join('')}    },\n`;
  };
  return `${header}export const releaseChecksums: Readonly<Record<'aws-plugin' | 'pulumi-cli', Readonly<Record<string, Readonly<Record<string, string>>>>>> = {
  'aws-plugin': {
${of('aws-plugin', awsPluginVersion)}  },
  'pulumi-cli': {
${of('pulumi-cli', pulumiCliVersion)}  },
};
`;
}

const header = `/**
 * SHA-256 of the executables in Pulumi's own releases, by version and by platform as Node names it (\`linux-x64\`). Written by \`${script('pin-releases')}\`, which
 * has to be run where Pulumi's downloads can be reached, at each change of a version. What is not here is not run with the keys of a real account.
 */
`;

async function main(): Promise<void> {
  const pins = [];
  for (const release of releases) {
    const sha256 = await checksumOf(release, fetch);
    process.stdout.write(`${release.tool} ${release.version} ${release.platform} ${sha256}\n`);
    pins.push({ ...release, sha256 });
  }
  await writeFile(fileURLToPath(new URL('release-checksums.ts', import.meta.url)), tableOf(pins));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main().catch((cause: unknown) => {
    process.stderr.write(`Nothing was written: ${messageOf(cause)}\n`);
    process.exitCode = 1;
  });

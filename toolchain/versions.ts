import { releaseChecksums } from './release-checksums.ts';

/**
 * The pins. The engine's behaviour that the design leans on was measured with this very CLI; `@pulumi/pulumi` is the
 * newest whose `engines` still allow Node 20.
 */
export const pulumiCliVersion = '3.258.0';

/** Of `@pulumi/aws` in package.json, and so of the plugin: the engine asks for the plugin in the version of the package. */
export const awsPluginVersion = '7.48.0';

/** Those of earlier releases of Holdfast: the state has the one that it was written with until the next `up`. Whoever moves the pin adds what it was. */
export const earlierAwsPluginVersions: readonly string[] = [];

/** As Node names it. */
export const platform = `${process.platform}-${process.arch}`;

/** SHA-256 of the executable in Pulumi's own release, for this platform; undefined where it was not written down yet. */
export const pinnedPlugin = (): string | undefined => releaseChecksums['aws-plugin'][awsPluginVersion]?.[platform];
export const pinnedCli = (): string | undefined => releaseChecksums['pulumi-cli'][pulumiCliVersion]?.[platform];

/**
 * A CLI that is already installed is used from the pinned version on. Older ones were not measured (and the CLI must not
 * be older than the SDK); a newer minor release keeps its promises to the SDK and to the state's layout, and the tests of
 * the engine's behaviour say so when one does not. A new major release is another engine. Pre-releases are not used.
 */
export function isSuitableCli(version: string): boolean {
  const [found, pinned] = [parseVersion(version), parseVersion(pulumiCliVersion)];
  if (found === undefined || pinned === undefined) return false;
  return found[0] === pinned[0] && compareVersions(found, pinned) >= 0;
}

export const suitableClis = `${pulumiCliVersion} or newer, below 4`;

export type Version = readonly [major: number, minor: number, patch: number];

/** Of a release, with or without a leading `v`; undefined for anything else, pre-releases too. */
export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?$/.exec(text.trim());
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? '0')];
}

/** Negative, zero or positive: as `a` is older, the same or newer. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/**
 * SHA-256 of the executables in Pulumi's own releases, by version and by platform as Node names it (`linux-x64`). Written by `npm run pin-releases`, which
 * has to be run where Pulumi's downloads can be reached, at each change of a version. What is not here is not run with the keys of a real account.
 */
export const releaseChecksums: Readonly<Record<'aws-plugin' | 'pulumi-cli', Readonly<Record<string, Readonly<Record<string, string>>>>>> = {
  'aws-plugin': {},
  'pulumi-cli': {},
};

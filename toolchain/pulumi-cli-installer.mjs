// Runs the installer of Pulumi's Automation API: node pulumi-cli-installer.mjs VERSION ROOT. A process of its own, so that
// it can be ended together with the shell script that it downloads and starts.
import { PulumiCommand } from '@pulumi/pulumi/automation/index.js';

const [version, root] = process.argv.slice(2);
// Skipped, the check would only compare the SDK's own minimum; any form of version does then.
await PulumiCommand.install({ version, root, skipVersionCheck: true });

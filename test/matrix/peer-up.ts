import process from 'node:process';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { programSettings } from '../../orchestrator/cli/fingerprint-settings.ts';
import { labRecordSchema } from '../../orchestrator/domain/lab-record.ts';
import { buildGraph } from '../../orchestrator/graph/graph.ts';
import { readNetwork } from '../../orchestrator/network/read-network.ts';
import { stackProgram } from '../../orchestrator/pulumi/program.ts';
import { installationKey } from '../../orchestrator/state/layout.ts';
import { readInstallation } from '../../orchestrator/state/installation.ts';
import { kinds } from '../../stacks/index.ts';
import { S3Client } from '@aws-sdk/client-s3';
import { RawPulumi } from '../support/raw-pulumi.ts';

/** The engine alone: `up` of one stack by a plain program of the Automation API, on the bucket itself and under the engine's own lock. */

const [recordText = '', stack = ''] = process.argv.slice(2);
const record = labRecordSchema.parse(JSON.parse(recordText));
const network = await readNetwork(record.network);
if (!network.ok) throw new Error(JSON.stringify(network.problems));
const graph = buildGraph(network.value.spec, kinds);
if (!graph.ok) throw new Error(JSON.stringify(graph.problems));
const node = graph.value.byName.get(stack);
if (!node) throw new Error(`there is no stack ${stack}`);

const s3 = new S3Client({
  endpoint: record.endpoint,
  region: record.region,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  forcePathStyle: true,
});
const installation = readInstallation((await new Bucket(s3, record.bucket).get(installationKey))?.body ?? '');
s3.destroy();
if (!installation.ok) throw new Error(JSON.stringify(installation.problems));
const program = stackProgram(node, programSettings({ network: network.value }, installation.value.installation), () => ({ exists: true }));
const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
const raw = await RawPulumi.open(record, Object.fromEntries(names.map((name) => [name, process.env[name] ?? ''])));
const { exitCode, output } = await raw.up(stack, program);
await raw.close();
process.stdout.write(output);
process.exitCode = exitCode;

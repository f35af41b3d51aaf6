import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideEmulator, startEmulator } from '../../lab/emulator/emulator.ts';
import type { Call } from '../../lab/proxy/calls.ts';
import type { FaultOrder } from '../../lab/proxy/faults.ts';
import { startProxy } from '../../lab/proxy/proxy.ts';
import type { Result } from '../../orchestrator/domain/problem.ts';
import { CliEngine } from '../../orchestrator/pulumi/engine.ts';
import type { EngineRequest } from '../../orchestrator/pulumi/engine.ts';
import { provideAwsPlugin } from '../../toolchain/aws-plugin.ts';
import type { AwsPlugin } from '../../toolchain/aws-plugin.ts';
import { cacheFolder } from '../../toolchain/cache-folder.ts';
import { providePulumiCli } from '../../toolchain/pulumi-cli.ts';
import type { PulumiCli } from '../../toolchain/pulumi-cli.ts';

/** As in `provider-recordings.json`, so that what is called can be compared with it value by value. */
export const account = '123456789012';
export const region = 'us-east-1';

const env = process.env;
const onProgress = (): void => undefined;

const provideCli = async (): Promise<PulumiCli> => orThrow(await providePulumiCli({ env, onProgress }));

export async function providePlugin(): Promise<AwsPlugin> {
  const cli = await provideCli();
  return orThrow(await provideAwsPlugin({ env, cliPath: cli.path, onProgress }));
}

export type EngineLab = Awaited<ReturnType<typeof startEngineLab>>;

/** The real engine with the real provider, an AWS of its own behind the lab's proxy, and a folder for state. */
export async function startEngineLab(project: string) {
  const [cli, plugin, { python }] = await Promise.all([
    provideCli(),
    providePlugin(),
    provideEmulator({ cacheFolder: cacheFolder(env), env, onProgress }).then(orThrow),
  ]);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-engine-lab-'));
  const pulumiHome = join(folder, 'pulumi-home');
  const backend = join(folder, 'backend');
  await Promise.all([mkdir(pulumiHome), mkdir(backend)]);

  const emulator = orThrow(await startEmulator({ python, accountId: account, port: 0, env, log: () => undefined }));
  const proxy = await startProxy({ upstreamPort: emulator.port, accountId: account, region });
  if ('reason' in proxy) throw new Error(proxy.reason);

  const api = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${proxy.url}/_lab${path}`, {
      method,
      headers: { authorization: `Bearer ${proxy.token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  };
  const environment = {
    AWS_ACCESS_KEY_ID: 'AKIALAB',
    AWS_SECRET_ACCESS_KEY: 'lab',
    AWS_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: proxy.url,
    AWS_S3_USE_PATH_STYLE: 'true',
    PULUMI_CONFIG_PASSPHRASE: '',
  };
  const engine = new CliEngine({ project, cli, pulumiHome, pluginDirectory: plugin.directory });

  return {
    cli,
    engine,
    environment,
    /** Of plain pulumi. */
    pulumiHome,
    endpoint: proxy.url,
    /** Of the backend whose URL is `backendUrl`. */
    backend,
    backendUrl: `file://${backend}`,
    request: (request: Pick<EngineRequest, 'stack' | 'program'> & Partial<EngineRequest>): EngineRequest => ({
      backendUrl: `file://${backend}`,
      exists: false,
      environment,
      ...request,
    }),
    calls: async (query: Readonly<Record<string, string>> = {}): Promise<Call[]> =>
      ((await api('GET', `/calls?${new URLSearchParams(query).toString()}`)) as { calls: Call[] }).calls,
    lastCall: async (): Promise<number> => ((await api('GET', '/calls?since=1000000000')) as { last: number }).last,
    setFault: async (order: FaultOrder & { readonly id: string }): Promise<unknown> => await api('POST', '/faults', order),
    endFault: async (id: string): Promise<unknown> => await api('DELETE', `/faults/${id}`),
    /** Resolves when a call is held by that fault. */
    whenHeld: async (fault: string): Promise<unknown> => await api('GET', `/held?wait=1&fault=${fault}`),
    stop: async (): Promise<void> => {
      await proxy.close();
      await emulator.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function orThrow<T>(result: Result<T, readonly { readonly message: string }[]>): T {
  if (result.ok) return result.value;
  throw new Error(result.problems.map(({ message }) => message).join('; '));
}

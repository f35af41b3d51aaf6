import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { lookup } from 'node:dns';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { engineCredentials, openClients, stateUrl } from '../../orchestrator/aws/clients.ts';
import { endpointsOf, lookupElsewhere } from '../../orchestrator/aws/endpoints.ts';
import type { EndpointFault, EndpointRequest, Resolve } from '../../orchestrator/aws/endpoints.ts';
import type { Session } from '../../orchestrator/aws/session.ts';
import type { Target } from '../../orchestrator/aws/target.ts';
import { noTarget } from '../../orchestrator/ui/target.ts';
import { exampleOf } from './support/example.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'holdfast-endpoints-'))));
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const elsewhere: Resolve = () => Promise.resolve(['192.0.2.7']);
const vpce = 'https://vpce-0123456789abcdef0-abcd1234.ec2.eu-west-1.vpce.amazonaws.com';
const corp = 'https://aws.corp.example';

interface Case {
  readonly env?: Readonly<Record<string, string>>;
  readonly named?: EndpointRequest['named'];
  readonly config?: string;
  readonly credentials?: string;
  readonly resolve?: Resolve;
}

async function found({ env = {}, named = {}, config = '', credentials = '', resolve = elsewhere }: Case) {
  // Each with files of its own: the SDK reads a file once.
  const own = await mkdtemp(join(folder, 'aws-'));
  const [configFile, credentialsFile] = [join(own, 'config'), join(own, 'credentials')];
  await Promise.all([writeFile(configFile, config), writeFile(credentialsFile, credentials)]);
  return endpointsOf(
    { region: 'eu-west-1', named, env: { AWS_CONFIG_FILE: configFile, AWS_SHARED_CREDENTIALS_FILE: credentialsFile, ...env } },
    resolve,
  );
}

const codesOf = async (given: Case): Promise<readonly string[]> => {
  const result = await found(given);
  return result.ok ? [] : result.problems.map(({ code }) => code);
};

const wordsOf = (fault: EndpointFault): string => {
  const { message, next } = noTarget(fault, exampleOf());
  return `${message}. ${next}`;
};

describe('each way to an endpoint', () => {
  const loopback = 'http://127.0.0.1:4566';
  const ways: readonly (readonly [string, (url: string) => Case])[] = [
    ['the general variable', (url) => ({ env: { AWS_ENDPOINT_URL: url } })],
    ['the variable of a service', (url) => ({ env: { AWS_ENDPOINT_URL_EC2: url } })],
    ['the variable of a service that a session comes from', (url) => ({ env: { AWS_ENDPOINT_URL_SSO_OIDC: url } })],
    ['the default profile', (url) => ({ config: `[default]\nendpoint_url = ${url}\n` })],
    ['the default profile in the file of credentials', (url) => ({ credentials: `[default]\nendpoint_url = ${url}\n` })],
    ['a profile', (url) => ({ env: { AWS_PROFILE: 'prod' }, config: `[profile prod]\nendpoint_url = ${url}\n` })],
    [
      'the services of a profile',
      (url) => ({
        env: { AWS_PROFILE: 'prod' },
        config: `[profile prod]\nservices = mine\n[services mine]\nsts =\n  endpoint_url = ${url}\n`,
      }),
    ],
  ];

  it.each(ways)('is refused to this machine: %s', async (_, way) => {
    expect(await codesOf(way(loopback))).toEqual(['own-address']);
  });

  it.each(ways)('is refused to this machine as IPv6 that is IPv4: %s', async (_, way) => {
    expect(await codesOf(way('https://[::ffff:127.0.0.1]:4566'))).toEqual(['own-address']);
  });

  it.each(ways)("is refused to a host that is neither AWS's nor named: %s", async (_, way) => {
    expect(await codesOf(way('https://attacker.example'))).toEqual(['not-aws']);
  });

  it.each(ways)('is refused without TLS, also to AWS: %s', async (_, way) => {
    expect(await codesOf(way('http://ec2.eu-west-1.amazonaws.com'))).toEqual(['not-https']);
  });

  it.each(ways)('is refused where its name means this machine, also below AWS: %s', async (_, way) => {
    const given = { ...way(vpce), resolve: () => Promise.resolve(['10.0.0.7', '::ffff:127.0.0.1']) };
    expect(await codesOf(given)).toEqual(['own-address']);
  });

  it.each(ways)('is refused where its name cannot be looked up: %s', async (_, way) => {
    expect(await codesOf({ ...way(vpce), resolve: () => Promise.reject(new Error('getaddrinfo EAI_AGAIN')) })).toEqual(['unresolved']);
  });

  it.each(ways)('may lead to AWS: %s', async (_, way) => {
    expect(await found(way('https://sts.eu-west-1.amazonaws.com'))).toMatchObject({ ok: true });
  });

  it.each(ways.filter(([, way]) => 'config' in way('') || 'credentials' in way('')))(
    'is not followed where the environment ignores what is configured: %s',
    async (_, way) => {
      const given = way(loopback);
      const env = { ...given.env, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
      expect(await found({ ...given, env })).toEqual({ ok: true, value: {} });
    },
  );
});

describe('what is said of a refused endpoint', () => {
  const saidOf = async (given: Case): Promise<string> => {
    const result = await found(given);
    return result.ok ? 'not refused' : result.problems.map(wordsOf).join('\n');
  };

  it('names the variable, the service of the profile, and the file', async () => {
    const services = '[default]\nservices = mine\n[services mine]\nec2 =\n  endpoint_url = https://x.example\n';
    expect(await saidOf({ env: { AWS_ENDPOINT_URL_S3: 'http://127.1:9' } })).toMatch(
      /AWS_ENDPOINT_URL_S3 leads to http:\/\/127\.0\.0\.1:9 on this machine\. Unset AWS_ENDPOINT_URL_S3/,
    );
    expect(await saidOf({ config: services })).toMatch(
      /ec2\.endpoint_url of the AWS profile "default" leads to https:\/\/x\.example, which is neither an endpoint of AWS nor named/,
    );
    expect(await saidOf({ named: { kms: corp }, resolve: () => Promise.resolve(['127.0.0.1']) })).toMatch(
      /endpoints\.kms of the network file leads to https:\/\/aws\.corp\.example on this machine \(127\.0\.0\.1\)/,
    );
  });

  it('has no password of it', async () => {
    const said = await saidOf({ env: { AWS_ENDPOINT_URL: 'https://me:hunter2@x.example' } });
    expect(said).toContain('https://x.example');
    expect(said).not.toMatch(/hunter2|me:/);
  });

  it('is every one of them at once', async () => {
    const env = { AWS_ENDPOINT_URL_EC2: 'http://127.0.0.1', AWS_ENDPOINT_URL_S3: 'https://x.example' };
    expect(await codesOf({ env })).toEqual(['own-address', 'not-aws']);
  });
});

describe('an endpoint that the network file names', () => {
  it('is where its service goes, and no other', async () => {
    expect(await found({ named: { ec2: corp } })).toEqual({ ok: true, value: { ec2: corp } });
  });

  it('may be said by a variable or a profile as well', async () => {
    expect(await found({ named: { ec2: corp }, env: { AWS_ENDPOINT_URL_EC2: `${corp}/` } })).toEqual({ ok: true, value: { ec2: corp } });
  });

  it('is not a place for the calls of other services', async () => {
    expect(await codesOf({ named: { ec2: corp }, env: { AWS_ENDPOINT_URL: corp } })).toEqual(['not-aws']);
    expect(await codesOf({ named: { ec2: corp }, env: { AWS_ENDPOINT_URL_S3: corp } })).toEqual(['not-aws']);
  });

  it('may be the general one where the file names it for every service', async () => {
    const named = { cloudtrail: corp, cloudwatch: corp, ec2: corp, kms: corp, s3: corp, service_quotas: corp, sns: corp, sts: corp };
    expect(await found({ named, env: { AWS_ENDPOINT_URL: corp } })).toEqual({ ok: true, value: named });
  });

  it('is not overruled by a variable that leads to AWS', async () => {
    expect(await codesOf({ named: { ec2: corp }, env: { AWS_ENDPOINT_URL_EC2: vpce } })).toEqual(['named-otherwise']);
  });
});

describe('the endpoint of a service', () => {
  it('is that of its own variable, the general one, its own in the profile, and the general one there, in this order', async () => {
    const at = (name: string): string => `https://${name}.eu-west-1.amazonaws.com`;
    const config = `[default]\nservices = mine\nendpoint_url = ${at('d')}\n[services mine]\ns3 =\n  endpoint_url = ${at('c')}\n`;
    const urls = async (env: Record<string, string>): Promise<readonly (string | undefined)[]> => {
      const result = await found({ env, config });
      if (!result.ok) throw new Error(JSON.stringify(result.problems));
      return [result.value.ec2, result.value.s3];
    };
    expect(await urls({ AWS_ENDPOINT_URL_S3: at('a'), AWS_ENDPOINT_URL: at('b') })).toEqual([at('b'), at('a')]);
    expect(await urls({ AWS_ENDPOINT_URL_EC2: at('a') })).toEqual([at('a'), at('c')]);
    expect(await urls({})).toEqual([at('d'), at('c')]);
  });
});

it('a process that asks nobody for a certificate has no keys of a real account to send', async () => {
  expect(await codesOf({ env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })).toEqual(['certificates-unasked']);
});

const session: Session = {
  source: 'a test',
  credentials: { accessKeyId: 'AKIAREAL', secretAccessKey: 'secret' },
  expiry: 'never',
  renew: undefined,
};
const real = (endpoints: Extract<Target, { kind: 'REAL' }>['endpoints'] = {}): Target => ({ kind: 'REAL', endpoints });

/** The host that a call would be sent to, as the SDK has it at the very end. Nothing is sent. */
async function hostOf(target: Target): Promise<string> {
  let host = '';
  const { ec2, destroy } = openClients(target, 'eu-west-1', () => session);
  ec2.middlewareStack.add(
    () => (args) => {
      host = (args.request as { readonly hostname: string }).hostname;
      return Promise.reject(new Error('not sent'));
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  await ec2.send(new DescribeVpcsCommand({})).catch(() => undefined);
  destroy();
  return host;
}

describe('a client with the keys of a real account', () => {
  it('follows no profile and no variable by itself', async () => {
    const config = join(folder, 'config');
    await writeFile(config, '[default]\nendpoint_url = http://127.0.0.1:9\n');
    vi.stubEnv('AWS_CONFIG_FILE', config);
    expect(await hostOf(real())).toBe('ec2.eu-west-1.amazonaws.com');
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
    expect(await hostOf(real())).toBe('ec2.eu-west-1.amazonaws.com');
  });

  it('sends where its service has an endpoint', async () => {
    expect(await hostOf(real({ ec2: vpce, sns: corp }))).toBe(new URL(vpce).hostname);
  });

  it('connects to no name that means this machine by the time it connects', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const clients = openClients(real({ ec2: `https://localhost:${(server.address() as AddressInfo).port}` }), 'eu-west-1', () => session);
    const failed = await clients.ec2.send(new DescribeVpcsCommand({})).catch((cause: unknown) => cause);
    clients.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(failed).toMatchObject({ code: 'EndpointIsOwnAddress' });
    expect(connections).toBe(0);
  });

  it('connects to every other name, as it was looked up', async () => {
    const addresses = [{ address: '192.0.2.7', family: 4 }];
    const resolver = ((_host: string, _options: unknown, done: (...of: unknown[]) => void) =>
      done(null, addresses)) as unknown as typeof lookup;
    const given = await new Promise((resolve) => {
      lookupElsewhere(resolver)('ec2.eu-west-1.amazonaws.com', { all: true }, (error, of) => resolve([error, of]));
    });
    expect(given).toEqual([null, addresses]);
  });
});

describe('the engine and its plugin', () => {
  it('read no profile, and have the endpoints that were checked, but for that of the state', () => {
    const environment = engineCredentials(real({ ec2: vpce, s3: corp }), 'eu-west-1', session);
    expect(environment).toMatchObject({
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_ENDPOINT_URL_EC2: vpce,
    });
    expect(Object.keys(environment).filter((name) => name.startsWith('AWS_ENDPOINT_URL'))).toEqual(['AWS_ENDPOINT_URL_EC2']);
  });

  it('find the state of plain pulumi by the URL of the state', () => {
    expect(stateUrl({ kind: 'REAL', endpoint: corp }, 'state', 'eu-west-1')).toBe(
      's3://state?region=eu-west-1&endpoint=https%3A%2F%2Faws.corp.example',
    );
    expect(stateUrl({ kind: 'REAL', endpoint: undefined }, 'state', 'eu-west-1')).toBe('s3://state?region=eu-west-1');
  });
});

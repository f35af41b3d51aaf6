import { lookup } from 'node:dns';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { LookupFunction } from 'node:net';
import { loadSharedConfigFiles } from '@smithy/core/config';
import { messageOf } from '../domain/problem.ts';
import type { Result } from '../domain/problem.ts';
import { isAwsEndpoint, isOwnAddress, parseEndpoint, services } from '../network/endpoint.ts';
import type { EndpointFlaw, Service } from '../network/endpoint.ts';

/**
 * Where calls of a real account go: to AWS's own endpoints, and to those that the network file names. Whatever else leads elsewhere is refused before anything
 * is signed (promise 8). It is decided here once, and the same is given to Holdfast's clients, to the engine and to its plugin: none of them looks again at
 * a variable or a profile.
 *
 * Not looked at:
 * - Proxies (`HTTPS_PROXY`). Everything for a real account is https, of which a proxy sees a tunnel; who ends it shows a certificate for AWS's name.
 * - Certificates that the machine trusts besides (`AWS_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS`): its administrator's word. That none is asked for is refused.
 * - Where a session comes from (`AWS_CONTAINER_CREDENTIALS_FULL_URI`, the metadata of an instance): these are on this machine or its link by their nature, and
 *   give keys. They are sent none.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** The services whose calls do not go where the SDK sends them by itself. */
export type Endpoints = Readonly<Partial<Record<Service, string>>>;

export type EndpointSource =
  | { readonly from: 'variable'; readonly name: string }
  | { readonly from: 'profile'; readonly profile: string; readonly key: string }
  | { readonly from: 'file'; readonly service: Service };

interface Led {
  readonly source: EndpointSource;
  /** Without a password. */
  readonly url: string;
}

export type EndpointFault =
  | ({ readonly code: 'malformed' | 'not-https' | 'not-aws' } & Led)
  /** @param address what the name means, where it is a name */
  | ({ readonly code: 'own-address'; readonly address?: string } & Led)
  | ({ readonly code: 'unresolved'; readonly why: string } & Led)
  | ({ readonly code: 'named-otherwise'; readonly service: Service; readonly named: string } & Led)
  | { readonly code: 'certificates-unasked' };

/** The addresses of a name. @throws where it has none, or cannot be asked for */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface EndpointRequest {
  readonly region: string;
  /** By the network file. */
  readonly named: Readonly<Partial<Record<Service, string | undefined>>>;
  readonly env: Environment;
}

export async function endpointsOf(
  { region, named, env }: EndpointRequest,
  resolve: Resolve = addressesOf,
): Promise<Result<Endpoints, readonly EndpointFault[]>> {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') return { ok: false, problems: [{ code: 'certificates-unasked' }] };
  const configured = await configuredEndpoints(env);
  const effective = new Map<Service, Configured>();
  for (const service of services) {
    const first = configured.find((each) => each.service === service || each.service === 'every');
    if (first) effective.set(service, first);
  }
  const faults = configured.flatMap((each) => {
    const followedBy = services.filter((service) => effective.get(service) === each);
    return faultOf(each, each.service === 'every' ? followedBy : each.service === 'another' ? [] : [each.service], region, named);
  });
  const led: Led[] = [
    ...configured,
    ...services.flatMap((service) =>
      named[service] === undefined ? [] : [{ source: { from: 'file', service } as const, url: named[service] }],
    ),
  ];
  if (faults.length === 0) faults.push(...(await unresolved(led, resolve)));
  if (faults.length > 0) return { ok: false, problems: faults };
  const chosen = services.flatMap((service) => {
    const url = named[service] ?? effective.get(service)?.url;
    return url === undefined ? [] : [[service, url] as const];
  });
  return { ok: true, value: Object.fromEntries(chosen) };
}

/** One place where an endpoint is configured outside the network file. */
interface Configured extends Led {
  /** `another`: of a service that Holdfast itself does not call. What opens a session may (SSO), and so it is checked as well. */
  readonly service: Service | 'every' | 'another';
  readonly said: string;
}

/** All of them, in the order in which the SDK goes by them. */
async function configuredEndpoints(env: Environment): Promise<readonly Configured[]> {
  if (env['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true') return [];
  const general = 'AWS_ENDPOINT_URL';
  const variables = Object.entries(env).flatMap(([name, said]) =>
    said === undefined || said === '' || (name !== general && !name.startsWith(`${general}_`))
      ? []
      : [configuredAt({ from: 'variable', name }, name.slice(general.length + 1).toLowerCase(), said)],
  );
  return [...specialFirst(variables), ...specialFirst(await ofProfile(env))];
}

const specialFirst = (configured: readonly Configured[]): Configured[] =>
  [...configured].sort((a, b) => Number(a.service === 'every') - Number(b.service === 'every'));

function configuredAt(source: EndpointSource, service: string, said: string): Configured {
  const known = services.find((each) => each === service);
  return { source, service: service === '' ? 'every' : (known ?? 'another'), said, url: shown(said) };
}

/** The active profile's, by the SDK's own reader of profiles, which reads each file once: what opens a session sees what was checked here. */
async function ofProfile(env: Environment): Promise<readonly Configured[]> {
  const given = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const folder = join(given('HOME') ?? homedir(), '.aws');
  const { configFile, credentialsFile } = await loadSharedConfigFiles({
    configFilepath: given('AWS_CONFIG_FILE') ?? join(folder, 'config'),
    filepath: given('AWS_SHARED_CREDENTIALS_FILE') ?? join(folder, 'credentials'),
  });
  const profile = given('AWS_PROFILE') ?? 'default';
  const settings = { ...credentialsFile[profile], ...configFile[profile] };
  if (settings['ignore_configured_endpoint_urls'] === 'true') return [];
  const section = settings['services'];
  const ofServices = section === undefined ? {} : (configFile[`services.${section}`] ?? {});
  const key = 'endpoint_url';
  return [
    ...Object.entries(ofServices).flatMap(([name, said]) =>
      said === undefined || !name.endsWith(`.${key}`)
        ? []
        : [configuredAt({ from: 'profile', profile, key: name }, name.slice(0, -key.length - 1), said)],
    ),
    ...(settings[key] === undefined ? [] : [configuredAt({ from: 'profile', profile, key }, '', settings[key])]),
  ];
}

/** @param followedBy the services whose calls go there */
function faultOf(
  { source, said, url }: Configured,
  followedBy: readonly Service[],
  region: string,
  named: EndpointRequest['named'],
): EndpointFault[] {
  const parsed = parseEndpoint(said);
  if (!parsed.ok) return [{ code: parsed.flaw satisfies EndpointFlaw, source, url }];
  const isNamed = followedBy.length > 0 && followedBy.every((service) => named[service] === parsed.value.url);
  if (isNamed) return [];
  if (!isAwsEndpoint(parsed.value, region)) return [{ code: 'not-aws', source, url }];
  return followedBy.flatMap((service) => {
    const of = named[service];
    return of === undefined || of === parsed.value.url ? [] : [{ code: 'named-otherwise', source, url, service, named: of } as const];
  });
}

/** What is looked up here may mean another address a moment later: Holdfast's own clients ask again at each connection (`lookupElsewhere`). */
async function unresolved(led: readonly Led[], resolve: Resolve): Promise<EndpointFault[]> {
  const byHost = new Map<string, Led>();
  for (const each of led) {
    const parsed = parseEndpoint(each.url);
    if (parsed.ok && !byHost.has(parsed.value.host)) byHost.set(parsed.value.host, each);
  }
  const found = await Promise.all(
    [...byHost].map(async ([host, { source, url }]): Promise<EndpointFault[]> => {
      try {
        const addresses = await resolve(host);
        const address = addresses.find(isOwnAddress);
        if (address !== undefined) return [{ code: 'own-address', source, url, address }];
        return addresses.length > 0 ? [] : [{ code: 'unresolved', source, url, why: 'it has no address' }];
      } catch (cause) {
        return [{ code: 'unresolved', source, url, why: messageOf(cause) }];
      }
    }),
  );
  return found.flat();
}

const addressesOf: Resolve = (host) =>
  new Promise((done, fail) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error) fail(error);
      else done(addresses.map(({ address }) => address));
    });
  });

/** For messages: a URL may have a password, and any text may be long. */
function shown(said: string): string {
  if (!URL.canParse(said)) return JSON.stringify(said.slice(0, 200));
  const url = new URL(said);
  url.username = '';
  url.password = '';
  const isBare = url.pathname === '/' && url.search === '' && url.hash === '';
  return (isBare ? `${url.protocol}//${url.host}` : url.href).slice(0, 200);
}

/**
 * For the connections of a client that has a real account's keys: a name that leads to this machine is no address. AWS's own names are asked for here and
 * nowhere else. The engine and its plugin resolve names by themselves, moments later, the same ones: nothing but the certificate that they ask for stands
 * between an answer that has changed since and the call.
 * @param resolver as `dns.lookup`
 */
export const lookupElsewhere =
  (resolver: typeof lookup = lookup): LookupFunction =>
  (host, options, done) => {
    resolver(host, options, (error, found, family) => {
      const addresses = typeof found === 'string' ? [found] : Array.isArray(found) ? found.map(({ address }) => address) : [];
      const address = error ? undefined : addresses.find(isOwnAddress);
      if (address === undefined) done(error, found, family);
      else done(new LeadsHere(host, address), '', 0);
    });
  };

class LeadsHere extends Error {
  readonly code = 'EndpointIsOwnAddress';

  constructor(host: string, address: string) {
    super(`${host} is ${address} here, an address of this machine: nothing was sent. Look at /etc/hosts, and at the name server`);
    this.name = 'LeadsHere';
  }
}

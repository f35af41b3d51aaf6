import { BlockList, isIP } from 'node:net';

/** Services of AWS that Holdfast, the engine and the plugin call, as `AWS_ENDPOINT_URL_<SERVICE>` and the `services` section of a profile name them. */
export const services = ['cloudtrail', 'cloudwatch', 'ec2', 'kms', 's3', 'service_quotas', 'sns', 'sts'] as const;

export type Service = (typeof services)[number];

type Partition = 'aws' | 'aws-cn' | 'aws-us-gov';

/** An endpoint in one spelling, which is the one that is compared, shown and handed on. */
interface Endpoint {
  readonly url: string;
  /** An IPv6 address without its brackets. */
  readonly host: string;
  /** Nothing but `https://host`. */
  readonly isBare: boolean;
}

/** `own-address`: it leads to this machine, or to its link. */
export type EndpointFlaw = 'malformed' | 'not-https' | 'own-address';

type ParsedEndpoint = { readonly ok: true; readonly value: Endpoint } | { readonly ok: false; readonly flaw: EndpointFlaw };

/** Where keys of a real account may go at all: https, and no address of this machine, however it is spelled. */
export function parseEndpoint(text: string): ParsedEndpoint {
  // The parser of URLs takes spaces, tabs and line breaks out, and others do not.
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return { ok: false, flaw: 'malformed' };
  const { protocol, hostname, port, pathname, search, hash, username, password, origin } = new URL(text);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isOwnName(host) || isOwnAddress(host)) return { ok: false, flaw: 'own-address' };
  if (protocol !== 'https:') return { ok: false, flaw: 'not-https' };
  if (host === '' || username !== '' || password !== '' || search !== '' || hash !== '') return { ok: false, flaw: 'malformed' };
  return { ok: true, value: { url: `${origin}${pathname === '/' ? '' : pathname}`, host, isBare: port === '' && pathname === '/' } };
}

/** Names that mean this machine without being asked for. https://www.rfc-editor.org/rfc/rfc6761#section-6.3 */
const isOwnName = (host: string): boolean => /^(.+\.)?localhost\.?$/.test(host);

/** Of an address, in any spelling that the system knows; false of a name. */
export function isOwnAddress(address: string): boolean {
  const [bare = ''] = address.split('%');
  const family = isIP(bare);
  if (family === 0) return false;
  return own.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

const own = new BlockList();
// Loopback, and what connects to it as well: "this host".
own.addSubnet('127.0.0.0', 8, 'ipv4');
own.addSubnet('0.0.0.0', 8, 'ipv4');
// Link-local: the instance's metadata and the container's credentials among it.
own.addSubnet('169.254.0.0', 16, 'ipv4');
own.addSubnet('fe80::', 10, 'ipv6');
own.addSubnet('fd00:ec2::', 32, 'ipv6');
// ::, ::1 and ::127.0.0.1. Of ::ffff:127.0.0.1 the rules for IPv4 decide.
own.addSubnet('::', 96, 'ipv6');
// The same IPv4 addresses behind a translation (RFC 6052), and inside 6to4 (RFC 3056).
for (const [first, prefix] of [
  ['7f00', 8],
  ['0', 8],
  ['a9fe', 16],
] as const) {
  own.addSubnet(`64:ff9b::${first}:0`, 96 + prefix, 'ipv6');
  own.addSubnet(`2002:${first}::`, 16 + prefix, 'ipv6');
}

/** https://docs.aws.amazon.com/general/latest/gr/rande.html; as the SDK's `partitions.json` has them. The first domain is that of IPv4 alone, the second has both. */
const partitions: Readonly<Record<Partition, { readonly region: RegExp; readonly domains: readonly [string, string] }>> = {
  aws: { region: /^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d$/, domains: ['amazonaws.com', 'api.aws'] },
  'aws-cn': { region: /^cn-[a-z]+-\d$/, domains: ['amazonaws.com.cn', 'api.amazonwebservices.com.cn'] },
  'aws-us-gov': { region: /^us-gov-[a-z]+-\d$/, domains: ['amazonaws.com', 'api.aws'] },
};

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
export function partitionOf(region: string): Partition {
  return region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/**
 * Whether AWS itself answers there: an endpoint of a service in the partition of the region, or one in a VPC of that region.
 * Not all of `amazonaws.com`: below it there are load balancers, instances, API gateways and clusters, which may be of any account.
 */
export function isAwsEndpoint({ host, isBare }: Endpoint, region: string): boolean {
  if (!isBare) return false;
  const partition = partitionOf(region);
  const { region: isRegion, domains } = partitions[partition];
  const domain = domains.find((each) => host.endsWith(`.${each}`));
  if (domain === undefined) return false;
  const labels = host.slice(0, -domain.length - 1).split('.');
  const name = labels.join('.');
  const isFirst = domain === domains[0];
  if (isFirst && partition === 'aws' && ['s3', 'sts'].includes(name)) return true;
  if (isFirst && labels.at(-1) === 'vpce') return isVpcEndpoint(labels.slice(0, -1), region);
  const service = labels.slice(0, -1).join('.');
  if (!isRegion.test(labels.at(-1) ?? '')) return false;
  // `ec2`, `ec2-fips`; `portal.sso` is where a profile of IAM Identity Center gets its session.
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(service) || /^portal\.sso(-fips)?$/.test(service)) return true;
  return isFirst && /^s3(-fips)?\.dualstack$/.test(service);
}

/** What comes before `.vpce.amazonaws.com`. `vpce-svc-…` is the service of another account, behind its own load balancer. */
function isVpcEndpoint(labels: readonly string[], region: string): boolean {
  const [at, service = '', id = '', ofS3, ...more] = [...labels].reverse();
  if (at !== region || more.length > 0) return false;
  if (!/^(cloudtrail|ec2|kms|monitoring|s3|servicequotas|sns|sts)(-fips)?$/.test(service)) return false;
  if (!/^vpce-[0-9a-f]+-[0-9a-z]+(-[a-z0-9-]+)?$/.test(id)) return false;
  return ofS3 === undefined || (service === 's3' && ['accesspoint', 'bucket', 'control'].includes(ofS3));
}

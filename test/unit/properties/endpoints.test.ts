import { describe, expect, it } from 'vitest';
import { endpointsOf } from '../../../orchestrator/aws/endpoints.ts';
import { isAwsEndpoint, isOwnAddress, parseEndpoint } from '../../../orchestrator/network/endpoint.ts';
import { fc, forged, forgedMs } from '../support/property.ts';

const octet = fc.integer({ min: 0, max: 255 });

/** An address that leads here, as four numbers. */
const ownIpv4 = fc.oneof(
  fc.tuple(fc.constant(127), octet, octet, octet),
  fc.tuple(fc.constant(0), octet, octet, octet),
  fc.tuple(fc.constant(169), fc.constant(254), octet, octet),
);

const hex = (value: number): string => value.toString(16);
const pair = (a: number, b: number): string => hex(a * 256 + b);

/** The spellings of an IPv4 address that a URL, or a resolver, takes. */
const spelledIn = (octets: readonly [number, number, number, number]): readonly string[] => {
  const [a, b, c, d] = octets;
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  return [
    octets.join('.'),
    `${octets.join('.')}.`,
    String(whole),
    `0x${hex(whole)}`,
    `0${whole.toString(8)}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    octets.map((each) => `0x${hex(each)}`).join('.'),
    octets.map((each) => `0${each.toString(8)}`).join('.'),
    `[::ffff:${octets.join('.')}]`,
    `[::ffff:${pair(a, b)}:${pair(c, d)}]`,
    `[0:0:0:0:0:ffff:${octets.join('.')}]`,
    `[::${octets.join('.')}]`,
    `[64:ff9b::${octets.join('.')}]`,
    `[2002:${pair(a, b)}:${pair(c, d)}::1]`,
  ];
};

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const awsLike = fc
  .tuple(
    fc.array(
      fc.oneof(label, fc.constantFrom('ec2', 's3', 'sts', 'bucket', 'dualstack', 'execute-api', 'elb', 'vpce-0a1b-2c3d', 'vpce-svc-0a1b')),
      {
        maxLength: 3,
      },
    ),
    fc.constantFrom('eu-west-1', 'us-east-1', 'cn-north-1', 'us-gov-west-1', 'nowhere', ''),
    fc.constantFrom('', 'vpce', 'elb', 'compute'),
    fc.constantFrom('amazonaws.com', 'amazonaws.com.cn', 'api.aws', 'amazonaws.com.evil.example', 'evilamazonaws.com', 'aws', 'example'),
  )
  .map(([first, region, kind, domain]) => [...first, region, kind, domain].filter((part) => part !== '').join('.'));
const decorated = fc
  .tuple(
    fc.constantFrom('https://', 'http://', 'https://me@', 'https://me:word@', 'HTTPS://', '//', ''),
    fc.oneof(
      awsLike,
      fc.domain(),
      fc.constantFrom('localhost', 'a.localhost', '127.1', '[::1]'),
      ownIpv4.chain((of) => fc.constantFrom(...spelledIn(of))),
    ),
    fc.constantFrom('', '/', ':443', ':8443', '/x', '?x=1', '#x', '@evil.example', '\\@evil.example', '\t', '%00'),
  )
  .map((parts) => parts.join(''));

describe('an address of this machine', () => {
  it(
    'is no endpoint, whatever its spelling, its scheme and its port',
    () => {
      fc.assert(
        fc.property(ownIpv4, fc.constantFrom('https', 'http'), fc.constantFrom('', ':443', ':4566', '/x'), (octets, scheme, rest) => {
          for (const spelling of spelledIn(octets))
            expect([spelling, parseEndpoint(`${scheme}://${spelling}${rest}`).ok]).toEqual([spelling, false]);
        }),
        forged,
      );
    },
    forgedMs,
  );

  it(
    'is known behind every form of IPv6 that a resolver may answer',
    () => {
      fc.assert(
        fc.property(ownIpv4, (octets) => {
          const forms = spelledIn(octets).flatMap((spelling) => (spelling.startsWith('[') ? [spelling.slice(1, -1)] : []));
          expect([octets.join('.'), ...forms].filter((form) => !isOwnAddress(form))).toEqual([]);
        }),
        forged,
      );
    },
    forgedMs,
  );
});

describe('an endpoint of AWS', () => {
  it(
    'is https on a host whose last labels are a service, a region of the partition and its domain; never another host',
    () => {
      fc.assert(
        fc.property(decorated, fc.constantFrom('eu-west-1', 'cn-north-1', 'us-gov-west-1'), (text, region) => {
          const parsed = parseEndpoint(text);
          if (!parsed.ok || !isAwsEndpoint(parsed.value, region)) return;
          const { protocol, hostname, port, username } = new URL(text);
          expect([protocol, port, username]).toEqual(['https:', '', '']);
          const domain =
            region === 'cn-north-1' ? /\.(amazonaws\.com\.cn|api\.amazonwebservices\.com\.cn)$/ : /\.(amazonaws\.com|api\.aws)$/;
          const before = hostname.replace(domain, '');
          expect(before).not.toBe(hostname);
          expect(before).toMatch(
            /^([a-z0-9-]+\.(vpce-0a1b-2c3d\.)?[a-z0-9-]+\.[a-z]{2}-[a-z-]+-\d\.vpce|vpce-0a1b-2c3d\.[a-z0-9-]+\.[a-z]{2}-[a-z-]+-\d\.vpce|[a-z0-9-]+(\.dualstack)?\.[a-z]{2}-[a-z-]+-\d|s3|sts)$/,
          );
          expect(before).not.toMatch(/vpce-svc|execute-api\..*\.vpce$/);
        }),
        forged,
      );
    },
    forgedMs,
  );
});

describe('the endpoints of a real account', () => {
  it(
    "are AWS's or those that the file names, wherever they were said and whatever the names mean",
    async () => {
      const named = { ec2: 'https://aws.corp.example', s3: 'https://aws.corp.example/s3' };
      const where = fc.constantFrom(
        'AWS_ENDPOINT_URL',
        'AWS_ENDPOINT_URL_EC2',
        'AWS_ENDPOINT_URL_S3',
        'AWS_ENDPOINT_URL_KMS',
        'AWS_ENDPOINT_URL_SSO',
      );
      const url = fc.oneof(decorated, fc.constantFrom(...Object.values(named), 'https://kms.eu-west-1.amazonaws.com'));
      const address = fc.constantFrom('192.0.2.7', '10.0.0.7', '127.0.0.1', '::ffff:127.0.0.1', 'fe80::1');
      await fc.assert(
        fc.asyncProperty(
          fc.dictionary(where, url, { maxKeys: 3 }),
          fc.constantFrom({}, named),
          fc.array(address, { maxLength: 3 }),
          async (env, file, addresses) => {
            const given = { region: 'eu-west-1', named: file, env: { ...env, HOME: '/nonexistent' } };
            const found = await endpointsOf(given, () => Promise.resolve(addresses));
            if (!found.ok) {
              expect(found.problems).not.toEqual([]);
              return;
            }
            for (const [service, to] of Object.entries(found.value)) {
              const parsed = parseEndpoint(to);
              const isNamed = to === (file as Record<string, string>)[service];
              expect([to, isNamed || (parsed.ok && isAwsEndpoint(parsed.value, 'eu-west-1'))]).toEqual([to, true]);
            }
            if (Object.keys(found.value).length > 0) expect(addresses.filter(isOwnAddress)).toEqual([]);
          },
        ),
        forged,
      );
    },
    forgedMs,
  );
});

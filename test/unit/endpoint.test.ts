import { describe, expect, it } from 'vitest';
import { isAwsEndpoint, isOwnAddress, parseEndpoint } from '../../orchestrator/network/endpoint.ts';

const flawOf = (text: string): string => {
  const parsed = parseEndpoint(text);
  return parsed.ok ? 'none' : parsed.flaw;
};

const isAws = (text: string, region = 'eu-west-1'): boolean => {
  const parsed = parseEndpoint(text);
  return parsed.ok && isAwsEndpoint(parsed.value, region);
};

describe('an address of this machine or its link', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.2',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.170.2',
    '::',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:0.0.0.0',
    '::ffff:169.254.169.254',
    '64:ff9b::127.0.0.1',
    '64:ff9b::169.254.169.254',
    '2002:7f00:1::1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fd00:ec2::254',
  ])('is known as such: %s', (address) => {
    expect(isOwnAddress(address)).toBe(true);
  });

  it.each([
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.0.1',
    '2a05:d018::1',
    'fd12::1',
    '::ffff:10.0.0.1',
    'fec0::1',
  ])('is not every other one: %s', (address) => {
    expect(isOwnAddress(address)).toBe(false);
  });

  it('is no name, whatever it means', () => {
    expect(['localhost', '', '127.0.0.1.example.com'].map(isOwnAddress)).toEqual([false, false, false]);
  });
});

describe('an endpoint', () => {
  it.each([
    'https://127.0.0.1',
    'http://127.0.0.1:4566',
    'https://127.1',
    'https://2130706433',
    'https://0x7f000001',
    'https://0x7f.1',
    'https://0177.0.0.1',
    'https://127.0.0.1.',
    'https://0',
    'https://%31%32%37.0.0.1',
    'https://[::1]',
    'https://[::]',
    'https://[0:0:0:0:0:ffff:127.0.0.1]:1',
    'http://[::ffff:127.0.0.1]:4566',
    'https://[::ffff:7f00:0001]',
    'https://169.254.169.254',
    'https://localhost',
    'http://LOCALHOST:9000',
    'https://localhost.',
    'https://lab.localhost:4566',
    'https://me:word@127.0.0.1',
  ])('that leads to this machine is refused, however it is spelled: %s', (text) => {
    expect(flawOf(text)).toBe('own-address');
  });

  it.each([
    ['http://ec2.eu-west-1.amazonaws.com', 'not-https'],
    ['ftp://ec2.eu-west-1.amazonaws.com', 'not-https'],
    ['HTTP://example.com', 'not-https'],
    ['https://me:word@example.com', 'malformed'],
    ['https://me@example.com', 'malformed'],
    ['https://example.com?x=1', 'malformed'],
    ['https://example.com#x', 'malformed'],
    ['https://exa\nmple.com', 'malformed'],
    [' https://example.com', 'malformed'],
    ['https://１２７.0.0.1', 'malformed'],
    ['ec2.eu-west-1.amazonaws.com', 'malformed'],
    ['not a url', 'malformed'],
    ['', 'malformed'],
  ])('that is no plain https one is refused: %j', (text, flaw) => {
    expect(flawOf(text)).toBe(flaw);
  });

  it.each([
    ['HTTPS://EC2.example.com:443/', 'https://ec2.example.com'],
    ['https://example.com:8443/ec2', 'https://example.com:8443/ec2'],
    ['https://10.1.2.3', 'https://10.1.2.3'],
  ])('has one spelling: %s', (text, url) => {
    expect(parseEndpoint(text)).toMatchObject({ ok: true, value: { url } });
  });
});

describe("an endpoint of AWS's own", () => {
  it.each([
    ['of a service in a region', 'https://ec2.eu-west-1.amazonaws.com'],
    ['in another region of the partition', 'https://sts.us-east-1.amazonaws.com'],
    ['by FIPS', 'https://ec2-fips.us-east-1.amazonaws.com'],
    ['of both stacks', 'https://ec2.eu-west-1.api.aws'],
    ['of both stacks by FIPS', 'https://kms-fips.us-east-1.api.aws'],
    ['of S3 for both stacks', 'https://s3.dualstack.eu-west-1.amazonaws.com'],
    ['of S3 for both stacks by FIPS', 'https://s3-fips.dualstack.us-east-1.amazonaws.com'],
    ['of STS for all regions', 'https://sts.amazonaws.com'],
    ['of IAM Identity Center', 'https://portal.sso.eu-central-1.amazonaws.com'],
    ['in a VPC', 'https://vpce-0123456789abcdef0-abcd1234.ec2.eu-west-1.vpce.amazonaws.com'],
    ['in one zone of a VPC', 'https://vpce-0123456789abcdef0-abcd1234-eu-west-1a.sts.eu-west-1.vpce.amazonaws.com'],
    ['of S3 in a VPC', 'https://bucket.vpce-0123456789abcdef0-abcd1234.s3.eu-west-1.vpce.amazonaws.com'],
  ])('is one %s', (_, text) => {
    expect(isAws(text)).toBe(true);
  });

  it.each([
    ['of another domain', 'https://ec2.eu-west-1.example.com'],
    ['below another domain', 'https://ec2.eu-west-1.amazonaws.com.example.com'],
    ['that only ends like one', 'https://ec2.eu-west-1.notamazonaws.com'],
    ['of another partition', 'https://ec2.cn-north-1.amazonaws.com.cn'],
    ['of the government', 'https://ec2.us-gov-west-1.amazonaws.com'],
    ['of no region', 'https://ec2.anywhere.amazonaws.com'],
    ['with a port', 'https://ec2.eu-west-1.amazonaws.com:8443'],
    ['with a path', 'https://ec2.eu-west-1.amazonaws.com/x'],
    ['with a dot at its end', 'https://ec2.eu-west-1.amazonaws.com.'],
    ["of an API gateway, which is anybody's", 'https://abc123.execute-api.eu-west-1.amazonaws.com'],
    ['of a load balancer', 'https://my-balancer-1.eu-west-1.elb.amazonaws.com'],
    ['of an instance', 'https://ec2-1-2-3-4.eu-west-1.compute.amazonaws.com'],
    ['of a cluster', 'https://ABCD.gr7.eu-west-1.eks.amazonaws.com'],
    ['of a GraphQL API', 'https://abc.appsync-api.eu-west-1.amazonaws.com'],
    ['of a function', 'https://abc.lambda-url.eu-west-1.on.aws'],
    [
      "of another account's service in a VPC",
      'https://vpce-0123456789abcdef0-abcd1234.vpce-svc-0123456789abcdef0.eu-west-1.vpce.amazonaws.com',
    ],
    ['of an API in a VPC', 'https://vpce-0123456789abcdef0-abcd1234.execute-api.eu-west-1.vpce.amazonaws.com'],
    ['in a VPC of another region', 'https://vpce-0123456789abcdef0-abcd1234.ec2.us-east-1.vpce.amazonaws.com'],
    ['in no VPC', 'https://x.ec2.eu-west-1.vpce.amazonaws.com'],
    ['of the domain alone', 'https://amazonaws.com'],
  ])('is not one %s', (_, text) => {
    expect(isAws(text)).toBe(false);
  });

  it('is one of its own partition in China and of the government', () => {
    expect([
      isAws('https://ec2.cn-north-1.amazonaws.com.cn', 'cn-northwest-1'),
      isAws('https://ec2.cn-north-1.api.amazonwebservices.com.cn', 'cn-northwest-1'),
      isAws('https://ec2.us-gov-west-1.amazonaws.com', 'us-gov-east-1'),
      isAws('https://sts.amazonaws.com', 'cn-north-1'),
      isAws('https://ec2.eu-west-1.amazonaws.com', 'cn-north-1'),
    ]).toEqual([true, true, true, false, false]);
  });
});

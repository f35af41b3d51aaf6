import { describe, expect, test } from 'vitest';
import { errorReply } from '../../lab/proxy/error-replies.ts';
import type { Recognised } from '../../lab/proxy/recognise.ts';

const call = (given: Pick<Recognised, 'service' | 'protocol'> & Partial<Recognised>): Recognised => ({
  action: 'Anything',
  accessKeyId: null,
  params: {},
  mutating: false,
  ...given,
});

const refusal = { status: 403, code: 'Code', message: 'a < b' };

const textOf = (given: Recognised, method = 'POST'): string =>
  Buffer.concat(errorReply(given, method, refusal, 'request-1').body).toString('utf8');

describe('an error', () => {
  test('of EC2 is one of a list', () => {
    expect(textOf(call({ service: 'ec2', protocol: 'ec2' }))).toContain(
      '<Response><Errors><Error><Code>Code</Code><Message>a &lt; b</Message></Error></Errors><RequestID>request-1</RequestID></Response>',
    );
  });

  test('of a query service stands in its namespace', () => {
    expect(textOf(call({ service: 'sts', protocol: 'query' }))).toContain(
      '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>Code</Code>',
    );
  });

  test('of S3 names the object', () => {
    const text = textOf(call({ service: 's3', protocol: 's3', params: { Bucket: 'state', Key: 'a&b' } }), 'GET');
    expect(text).toContain('<Error><Code>Code</Code><Message>a &lt; b</Message><Resource>/state/a&amp;b</Resource>');
  });

  test('in JSON has its code as type', () => {
    expect(JSON.parse(textOf(call({ service: 'cloudtrail', protocol: 'json' })))).toEqual({ __type: 'Code', message: 'a < b' });
  });

  test('in CBOR is a map of two texts', () => {
    const { body } = errorReply(call({ service: 'cloudwatch', protocol: 'cbor' }), 'POST', refusal, 'request-1');
    expect(Buffer.concat(body).toString('latin1')).toBe('\xa2\x66__type\x64Code\x67message\x65a < b');
  });

  test('to a HEAD has no body', () => {
    expect(textOf(call({ service: 's3', protocol: 's3' }), 'HEAD')).toBe('');
  });

  test('of CloudWatch says the code of the older protocol as well', () => {
    const { headers } = errorReply(call({ service: 'cloudwatch', protocol: 'json' }), 'POST', refusal, 'request-1');
    expect(headers.join('\n')).toContain('x-amzn-query-error\nCode;Sender');
  });
});

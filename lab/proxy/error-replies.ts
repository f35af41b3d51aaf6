import { cbor } from '@smithy/core/cbor';
import type { Protocol, Recognised } from './recognise.ts';
import { escapeXml } from './xml.ts';

/** An error as a service would say it: its own code, its own HTTP status. */
export type Refusal = { status: number; code: string; message: string };

export type Reply = { status: number; headers: string[]; body: Buffer[] };

const xmlNamespaces: Record<string, string> = {
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
  sns: 'http://sns.amazonaws.com/doc/2010-03-31/',
  cloudwatch: 'http://monitoring.amazonaws.com/doc/2010-08-01/',
};

const errorDocument = (call: Recognised, { status, code, message }: Refusal, requestId: string): { type: string; body: Buffer } => {
  const error = `<Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`;
  const xml = (inner: string): Buffer => Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${inner}`);
  const protocol: Protocol = call.protocol;
  switch (protocol) {
    case 'ec2':
      return {
        type: 'text/xml;charset=UTF-8',
        body: xml(`<Response><Errors><Error>${error}</Error></Errors><RequestID>${requestId}</RequestID></Response>`),
      };
    case 'query': {
      const namespace = xmlNamespaces[call.service];
      const fault = status < 500 ? 'Sender' : 'Receiver';
      return {
        type: 'text/xml',
        body: xml(
          `<ErrorResponse${namespace === undefined ? '' : ` xmlns="${namespace}"`}><Error><Type>${fault}</Type>${error}</Error>` +
            `<RequestId>${requestId}</RequestId></ErrorResponse>`,
        ),
      };
    }
    case 's3': {
      const resource = `/${[call.params.Bucket, call.params.Key].filter((part) => part !== undefined).join('/')}`;
      return {
        type: 'application/xml',
        body: xml(
          `<Error>${error}<Resource>${escapeXml(resource)}</Resource><RequestId>${requestId}</RequestId><HostId>holdfast-lab</HostId></Error>`,
        ),
      };
    }
    case 'json':
      return { type: 'application/x-amz-json-1.1', body: Buffer.from(JSON.stringify({ __type: code, message })) };
    case 'cbor':
      return { type: 'application/cbor', body: Buffer.from(cbor.serialize({ __type: code, message })) };
  }
};

/** Writes a refusal in the format of the service that was called. The answer to a HEAD has no body, as on AWS. */
export const errorReply = (call: Recognised, method: string, refusal: Refusal, requestId: string): Reply => {
  const { type, body } = errorDocument(call, refusal, requestId);
  const headers = ['Content-Type', type, 'x-amzn-RequestId', requestId];
  if (call.protocol === 's3') headers.push('x-amz-request-id', requestId);
  if (call.protocol === 'cbor') headers.push('smithy-protocol', 'rpc-v2-cbor');
  // CloudWatch moved from the query protocol to JSON and still tells its clients the code they knew.
  if (call.service === 'cloudwatch' && call.protocol !== 'query') headers.push('x-amzn-query-error', `${refusal.code};Sender`);
  if (method === 'HEAD') return { status: refusal.status, headers, body: [] };
  return { status: refusal.status, headers: [...headers, 'Content-Length', `${body.length}`], body: [body] };
};

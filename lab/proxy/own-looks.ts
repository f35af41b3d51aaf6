import { ec2TypeOf } from './needs.ts';
import type { Upstream } from './upstream.ts';
import { findElement, readXml, type XmlElement } from './xml.ts';

/** What the lab has to know of AWS to judge a call as IAM does: it asks the emulator itself, and no record is made of that. */
export type OwnLooks = {
  /** The tags of an object; undefined where there is no such object, and the service is to say so. */
  tags: (id: string, accessKeyId: string | null) => Promise<Record<string, string> | undefined>;
  /** The route table and the subnet of an association. */
  associated: (id: string, accessKeyId: string | null) => Promise<string[]>;
  /** Its text, where the bucket has one; undefined where the emulator does not say. */
  bucketPolicy: (bucket: string) => Promise<{ policy: string | undefined } | undefined>;
};

/** How each type is shown by its id. */
const shownBy: Record<string, { action: string; param: string }> = {
  vpc: { action: 'DescribeVpcs', param: 'VpcId.1' },
  subnet: { action: 'DescribeSubnets', param: 'SubnetId.1' },
  'route-table': { action: 'DescribeRouteTables', param: 'RouteTableId.1' },
  'internet-gateway': { action: 'DescribeInternetGateways', param: 'InternetGatewayId.1' },
  'transit-gateway': { action: 'DescribeTransitGateways', param: 'TransitGatewayIds.1' },
  'transit-gateway-attachment': { action: 'DescribeTransitGatewayAttachments', param: 'TransitGatewayAttachmentIds.1' },
  'transit-gateway-route-table': { action: 'DescribeTransitGatewayRouteTables', param: 'TransitGatewayRouteTableIds.1' },
};

export const looksAt = (upstream: Upstream, port: number, region: string): OwnLooks => {
  const ask = async (service: string, method: string, url: string, form: Record<string, string>, accessKeyId: string | null) => {
    const body = new URLSearchParams(form).toString();
    const result = await upstream.pass({
      method,
      url,
      rawHeaders: [
        'Host',
        `127.0.0.1:${port}`,
        'Content-Type',
        'application/x-www-form-urlencoded',
        // moto finds the service, the region and the account in it, and asks for no more.
        'Authorization',
        `AWS4-HMAC-SHA256 Credential=${accessKeyId ?? 'test'}/20300101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
      ],
      body: body === '' ? [] : [Buffer.from(body)],
      mutating: false,
    });
    if (result.kind !== 'reply') return undefined;
    return { status: result.reply.status, text: Buffer.concat(result.reply.body).toString('utf8') };
  };
  const describe = async (form: Record<string, string>, accessKeyId: string | null): Promise<XmlElement | undefined> => {
    const answer = await ask('ec2', 'POST', '/', { Version: '2016-11-15', ...form }, accessKeyId);
    return answer?.status === 200 ? readXml(answer.text) : undefined;
  };
  return {
    tags: async (id, accessKeyId) => {
      const found = await describe({ Action: 'DescribeTags', 'Filter.1.Name': 'resource-id', 'Filter.1.Value.1': id }, accessKeyId);
      const tags = Object.fromEntries(
        (findElement(found, 'tagSet')?.children ?? []).map((item) => [textOf(item, 'key'), textOf(item, 'value')]),
      );
      if (Object.keys(tags).length > 0) return tags;
      const shown = shownBy[ec2TypeOf(id) ?? ''];
      const there = shown && (await describe({ Action: shown.action, [shown.param]: id }, accessKeyId));
      return there !== undefined && has(there, id) ? {} : undefined;
    },
    associated: async (id, accessKeyId) => {
      const found = await describe(
        {
          Action: 'DescribeRouteTables',
          'Filter.1.Name': 'association.route-table-association-id',
          'Filter.1.Value.1': id,
        },
        accessKeyId,
      );
      const associations = findElement(found, 'associationSet')?.children ?? [];
      const one = associations.find((item) => textOf(item, 'routeTableAssociationId') === id);
      return one === undefined ? [] : [textOf(one, 'routeTableId'), textOf(one, 'subnetId')].filter((found) => found !== '');
    },
    bucketPolicy: async (bucket) => {
      const answer = await ask('s3', 'GET', `/${bucket}?policy`, {}, null);
      if (answer?.status === 404) return { policy: undefined };
      return answer?.status === 200 ? { policy: answer.text } : undefined;
    },
  };
};

const textOf = (element: XmlElement, name: string): string => findElement(element, name)?.text ?? '';

const has = (element: XmlElement, text: string): boolean => element.text === text || element.children.some((child) => has(child, text));

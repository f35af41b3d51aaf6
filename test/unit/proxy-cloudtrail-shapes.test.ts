import { describe, expect, test } from 'vitest';
import { isManagementEvent } from '../../lab/proxy/cloudtrail-events.ts';
import { requestParameters, responseElements } from '../../lab/proxy/cloudtrail-shapes.ts';
import { resourceIds } from '../../lab/proxy/resource-ids.ts';

describe('request parameters', () => {
  test('of a VPC have small first letters and lists of items', () => {
    const params = {
      CidrBlock: '10.0.0.0/16',
      'TagSpecification.1.ResourceType': 'vpc',
      'TagSpecification.1.Tag.1.Key': 'k',
      'TagSpecification.1.Tag.1.Value': 'v',
    };
    expect(requestParameters('ec2', 'CreateVpc', params)).toEqual({
      cidrBlock: '10.0.0.0/16',
      tagSpecificationSet: { items: [{ resourceType: 'vpc', tags: [{ key: 'k', value: 'v' }] }] },
    });
  });

  test('of a transit gateway attachment keep their names, with numbers in the lists', () => {
    const params = { VpcId: 'vpc-1', 'SubnetIds.1': 'subnet-1', 'SubnetIds.2': 'subnet-2' };
    expect(requestParameters('ec2', 'CreateTransitGatewayVpcAttachment', params)).toEqual({
      CreateTransitGatewayVpcAttachmentRequest: {
        VpcId: 'vpc-1',
        SubnetIds: [
          { content: 'subnet-1', tag: 1 },
          { content: 'subnet-2', tag: 2 },
        ],
      },
    });
  });

  test('of tags name the resources', () => {
    expect(requestParameters('ec2', 'CreateTags', { 'ResourceId.1': 'vpc-1', 'Tag.1.Key': 'k', 'Tag.1.Value': 'v' })).toEqual({
      resourcesSet: { items: [{ resourceId: 'vpc-1' }] },
      tagSet: { items: [{ key: 'k', value: 'v' }] },
    });
  });
});

describe('response elements', () => {
  test('of a delete say that it was done', () => {
    const reply = '<DeleteVpcResponse><requestId>r</requestId><return>true</return></DeleteVpcResponse>';
    expect(responseElements('ec2', 'DeleteVpc', reply, 'request-1')).toEqual({ requestId: 'request-1', _return: true });
  });

  test('keep an account number a text', () => {
    const reply = '<CreateVpcResponse><vpc><ownerId>012345678901</ownerId><tagSet/></vpc></CreateVpcResponse>';
    expect(responseElements('ec2', 'CreateVpc', reply, 'r')).toMatchObject({ vpc: { ownerId: '012345678901', tagSet: {} } });
  });

  test('of a transit gateway stand in a response of their own', () => {
    const reply = '<CreateTransitGatewayResponse><transitGateway><state>pending</state></transitGateway></CreateTransitGatewayResponse>';
    expect(responseElements('ec2', 'CreateTransitGateway', reply, 'r')).toMatchObject({
      CreateTransitGatewayResponse: { transitGateway: { state: 'pending' }, requestId: 'r' },
    });
  });
});

test('ids are found whole, each once', () => {
  const text = 'vpc-0123456789abcdef0 tgw-rtb-0123456789abcdef0, vpc-cidr-assoc-0123456789abcdef0 vpc-0123456789abcdef0 vpc-short 10.0.0.0';
  expect(resourceIds(text)).toEqual(['vpc-0123456789abcdef0', 'tgw-rtb-0123456789abcdef0', 'vpc-cidr-assoc-0123456789abcdef0']);
});

describe('the trail', () => {
  test.each([
    ['sns', 'CreateTopic', true],
    ['sns', 'Subscribe', true],
    ['sns', 'Publish', false],
    ['cloudwatch', 'PutMetricAlarm', true],
    ['cloudwatch', 'PutMetricData', false],
  ])('has calls that change a thing, and not what is sent through it: %s %s: %s', (service, action, expected) => {
    expect(isManagementEvent({ service, action, mutating: true, key: null })).toBe(expected);
  });
});

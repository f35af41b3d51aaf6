import { CreateVpcCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { errorOf, later, noon, startRig, vpcId } from './proxy-rig.ts';

/** One VPC made at noon and one a minute later; it is ten seconds later now, and describes are half a minute old. */
const startStale = async () => {
  let vpcs = 0;
  const rig = await startRig({
    reply: ({ action }) => {
      if (action === 'CreateVpc') {
        vpcs += 1;
        return { body: `<CreateVpcResponse><vpc><vpcId>${vpcId(vpcs)}</vpcId></vpc></CreateVpcResponse>` };
      }
      const item = (n: number) => `<item><vpcId>${vpcId(n)}</vpcId><tagSet><item><key>n</key><value>${n}</value></item></tagSet></item>`;
      return { body: `<DescribeVpcsResponse><requestId>r</requestId><vpcSet>${item(1)}${item(2)}</vpcSet></DescribeVpcsResponse>` };
    },
  });
  const { ec2 } = rig.clients('AKIATEST');
  const create = new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' });
  await ec2.send(create);
  rig.time.now = later(noon, 60);
  await ec2.send(create);
  rig.time.now = later(noon, 70);
  await rig.setFault({ match: { service: 'ec2' }, do: { kind: 'stale', seconds: 30 } });
  return { ...rig, ec2 };
};

test('a stale list has the old and not the young', async () => {
  const { ec2 } = await startStale();
  const { Vpcs = [] } = await ec2.send(new DescribeVpcsCommand({}));
  expect(Vpcs.map(({ VpcId, Tags }) => [VpcId, Tags])).toEqual([[vpcId(1), [{ Key: 'n', Value: '1' }]]]);
});

test('a stale look by id does not find the young', async () => {
  const { ec2 } = await startStale();
  expect(await errorOf(ec2.send(new DescribeVpcsCommand({ VpcIds: [vpcId(2)] })))).toMatchObject({ name: 'InvalidVpcID.NotFound' });
});

test('the young are seen when they have become old enough', async () => {
  const { ec2, time } = await startStale();
  time.now = later(noon, 90);
  const { Vpcs = [] } = await ec2.send(new DescribeVpcsCommand({}));
  expect(Vpcs.map(({ VpcId }) => VpcId)).toEqual([vpcId(1), vpcId(2)]);
});

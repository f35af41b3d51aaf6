import {
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayRouteTableCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  CreateVpcCommand,
  DeleteTransitGatewayVpcAttachmentCommand,
  DeleteVpcCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onlyEc2 } from '../support/only-ec2.ts';
import { lookByTag } from '../../orchestrator/aws/tagged-objects.ts';
import { project } from '../../orchestrator/state/layout.ts';
import { present, tagged } from './emulator-lab.ts';
import { region, startEngineLab } from './plugin-lab.ts';
import type { EngineLab } from './plugin-lab.ts';

/** Against the emulator, behind the lab's proxy: what a stack has in AWS beyond its checkpoint. */

let lab: EngineLab;
let ec2: EC2Client;

beforeAll(async () => {
  lab = await startEngineLab(project);
  ec2 = new EC2Client({
    endpoint: lab.endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIALAB', secretAccessKey: 'lab' },
  });
});

afterAll(async () => {
  ec2.destroy();
  await lab.stop();
});

const tagsOf = (stack: string, resource: string, installation = 'ours') => ({
  'holdfast:installation': installation,
  'holdfast:stack': stack,
  'holdfast:resource': resource,
});

async function vpc(stack: string, installation?: string): Promise<string> {
  const made = await ec2.send(
    new CreateVpcCommand({ CidrBlock: '10.1.0.0/16', TagSpecifications: tagged('vpc', tagsOf(stack, 'vpc', installation)) }),
  );
  return present(made.Vpc?.VpcId);
}

const look = (stack: string, known: readonly string[] = []) =>
  lookByTag(onlyEc2(ec2), { installation: 'ours', stack, known: new Set(known) });

describe('what a stack has beyond its checkpoint', () => {
  it('is the second VPC of one resource, by its name', async () => {
    const [known, second] = [await vpc('n.twice'), await vpc('n.twice')];
    expect(await look('n.twice', [known])).toEqual({ ok: true, value: [{ id: second, resourceType: 'vpc', resource: 'vpc' }] });
  });

  it('is nothing of another stack, or of another installation', async () => {
    await vpc('n.mine.b');
    await vpc('n.mine', 'theirs');
    expect(await look('n.mine')).toEqual({ ok: true, value: [] });
  });

  it('is nothing that was deleted', async () => {
    await ec2.send(new DeleteVpcCommand({ VpcId: await vpc('n.deleted') }));
    expect(await look('n.deleted')).toEqual({ ok: true, value: [] });
  });

  it('is an object of each type that is tagged, until it is deleted', async () => {
    const stack = 'n.attached';
    const vpcId = await vpc(stack);
    const { TransitGateway: gateway } = await ec2.send(
      new CreateTransitGatewayCommand({ TagSpecifications: tagged('transit-gateway', tagsOf(stack, 'gateway')) }),
    );
    const { Subnet: subnet } = await ec2.send(
      new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.1.0.0/24', TagSpecifications: tagged('subnet', tagsOf(stack, 'subnet-a')) }),
    );
    const { TransitGatewayVpcAttachment: attachment } = await ec2.send(
      new CreateTransitGatewayVpcAttachmentCommand({
        TransitGatewayId: gateway?.TransitGatewayId,
        VpcId: vpcId,
        SubnetIds: [present(subnet?.SubnetId)],
        TagSpecifications: tagged('transit-gateway-attachment', tagsOf(stack, 'attachment')),
      }),
    );
    const TransitGatewayId = present(gateway?.TransitGatewayId);
    await ec2.send(
      new CreateTransitGatewayRouteTableCommand({
        TransitGatewayId,
        TagSpecifications: tagged('transit-gateway-route-table', tagsOf(stack, 'segment')),
      }),
    );
    await ec2.send(new CreateRouteTableCommand({ VpcId: vpcId, TagSpecifications: tagged('route-table', tagsOf(stack, 'table')) }));
    const namesOf = async () => {
      const looked = await look(stack, [vpcId]);
      return looked.ok ? looked.value.map(({ resourceType, resource }) => `${resourceType} ${resource}`).sort() : looked;
    };
    const others = ['route-table table', 'subnet subnet-a', 'transit-gateway gateway', 'transit-gateway-route-table segment'];
    expect(await namesOf()).toEqual([...others, 'transit-gateway-attachment attachment'].sort());
    const TransitGatewayAttachmentId = attachment?.TransitGatewayAttachmentId;
    await ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId }));
    expect(await namesOf()).toEqual(others);
  });

  it('is not known where EC2 refuses', async () => {
    await lab.setFault({
      id: 'refused',
      match: { action: 'DescribeTags' },
      do: { kind: 'refuse', code: 'UnauthorizedOperation', status: 403 },
    });
    try {
      expect(await look('n.refused')).toMatchObject({ ok: false, code: 'UnauthorizedOperation' });
    } finally {
      await lab.endFault('refused');
    }
  });
});

import {
  AssociateRouteTableCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateTransitGatewayRouteCommand,
  DeleteTransitGatewayVpcAttachmentCommand,
} from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { onlyEc2 } from '../support/only-ec2.ts';
import { lookAtInventory } from '../../orchestrator/aws/inventory.ts';
import { tokens as types } from '../../orchestrator/aws/resource-types/tokens.ts';
import type { Inventory, LiveObject } from '../../orchestrator/inventory/live-object.ts';
import { attach, createGateway, createTable, createVpc, present, useEmulator } from './emulator-lab.ts';

/** Against the emulator: what a look finds from tags, from ids, and from what things are in. */

const emulator = useEmulator();

/** The helpers tag everything as of the stack `s`. */
async function look(known: Readonly<Record<string, readonly string[]>> = {}, stacks: readonly string[] = ['s']): Promise<Inventory> {
  const scope = { stacks, installation: undefined, known: new Map(Object.entries(known)) };
  const looked = await lookAtInventory(onlyEc2(emulator.ec2), scope, Date.now);
  if (!looked.ok) throw new Error(`${looked.code}: ${looked.message}`);
  expect(looked.value.incomplete).toEqual([]);
  return looked.value;
}

const ofType = ({ objects }: Inventory, type: string): LiveObject[] => objects.filter((object) => object.type === type);

async function attached(options?: Parameters<typeof createGateway>[1]) {
  const gateway = await createGateway(emulator.ec2, options);
  const { vpc, subnets } = await createVpc(emulator.ec2);
  return { gateway, vpc, subnets, attachment: await attach(emulator.ec2, gateway, vpc, subnets[0]) };
}

async function tableIn(vpc: string, subnet: string) {
  const made = await emulator.ec2.send(new CreateRouteTableCommand({ VpcId: vpc }));
  const table = present(made.RouteTable?.RouteTableId);
  const { AssociationId } = await emulator.ec2.send(new AssociateRouteTableCommand({ RouteTableId: table, SubnetId: subnet }));
  return { table, association: present(AssociationId) };
}

describe('a gateway with default tables', () => {
  it('has a table, an association and a propagation of AWS’s own making, and the attachment says that it is in them', async () => {
    const { attachment } = await attached({ DefaultRouteTableAssociation: 'enable', DefaultRouteTablePropagation: 'enable' });
    const seen = await look();
    const made = [types.gatewayTable, types.association, types.propagation].map((type) => ofType(seen, type).map(({ madeBy }) => madeBy));
    expect(made).toEqual([['aws'], ['aws'], ['aws']]);
    expect(ofType(seen, types.attachment)).toMatchObject([
      {
        id: attachment,
        properties: { transitGatewayDefaultRouteTableAssociation: true, transitGatewayDefaultRouteTablePropagation: true },
      },
    ]);
  });
});

describe('what is deleted', () => {
  it('is not listed, though AWS still shows it as such', async () => {
    const { attachment } = await attached();
    await emulator.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    expect(ofType(await look({ [types.attachment]: [attachment] }), types.attachment)).toEqual([]);
  });

  it('is not an error where its id was never one', async () => {
    const ids = { [types.vpc]: ['vpc-00000000000000000'], [types.gateway]: ['tgw-00000000000000000'] };
    expect((await look(ids, [])).objects).toEqual([]);
  });
});

describe('an id alone', () => {
  it('of a subnet’s association finds it', async () => {
    const { vpc, subnets } = await createVpc(emulator.ec2);
    const { table, association } = await tableIn(vpc, subnets[0]);
    expect((await look({ [types.subnetAssociation]: [association] }, [])).objects).toMatchObject([
      { id: association, properties: { routeTableId: table, subnetId: subnets[0] } },
    ]);
  });

  it('of a route finds it, with the table that it is in', async () => {
    const { gateway, vpc, subnets } = await attached();
    const { table } = await tableIn(vpc, subnets[0]);
    await emulator.ec2.send(new CreateRouteCommand({ RouteTableId: table, DestinationCidrBlock: '10.0.0.0/8', TransitGatewayId: gateway }));
    const [id] = ofType(await look(), types.route).flatMap((route) => (route.madeBy === 'somebody' ? [route.id] : []));
    const found = await look({ [types.route]: [present(id)] }, []);
    expect(ofType(found, types.route).map((route) => route.properties['destinationCidrBlock'])).toContain('10.0.0.0/8');
    expect(ofType(found, types.vpc)).toEqual([]);
  });

  it('of a gateway route finds it, and nothing of the gateway', async () => {
    const gateway = await createGateway(emulator.ec2);
    const table = await createTable(emulator.ec2, gateway);
    await emulator.ec2.send(
      new CreateTransitGatewayRouteCommand({ TransitGatewayRouteTableId: table, DestinationCidrBlock: '10.0.0.0/8', Blackhole: true }),
    );
    const found = await look({ [types.gatewayRoute]: [`${table}_10.0.0.0/8`] }, []);
    expect(found.objects.map(({ id }) => id).sort()).toEqual([table, `${table}_10.0.0.0/8`]);
  });

  it('of a VPC finds all that is in it, whoever made it', async () => {
    const { vpc, subnets, attachment } = await attached();
    const { association } = await tableIn(vpc, subnets[1]);
    const found = await look({ [types.vpc]: [vpc] }, []);
    expect(ofType(found, types.subnet).map(({ id }) => id)).toEqual([...subnets].sort());
    expect(ofType(found, types.attachment).map(({ id }) => id)).toEqual([attachment]);
    expect(ofType(found, types.subnetAssociation).map(({ id }) => id)).toContain(association);
    expect(ofType(found, types.gateway)).toEqual([]);
  });
});

describe('a stack', () => {
  it('that nobody has tagged anything as has nothing', async () => {
    await attached();
    expect((await look({}, ['t'])).objects).toEqual([]);
  });
});

import { paginateDescribeTransitGatewayVpcAttachments, paginateDescribeVpcs } from '@aws-sdk/client-ec2';
import type { Clients } from './clients.ts';
import { filter, inParts, pages } from './ec2-queries.ts';
import { looked } from './looked.ts';
import type { Looked } from './looked.ts';

/** A VPC of the region that this installation has not made. */
export interface ExistingVpc {
  readonly id: string;
  /** Which of the blocks that were asked for it has. */
  readonly blocks: readonly string[];
  /** Ids of the transit gateways that it is attached to. */
  readonly gateways: readonly string[];
}

/**
 * VPCs that have one of these very blocks. AWS makes a second one without a word, and where both are attached to one gateway it takes the routes of one.
 * @param installation what bears its tag is this installation's own, and is told of by inventory and recovery
 */
export function lookAtExistingVpcs(
  { ec2: client }: Clients,
  wanted: readonly string[],
  installation: string,
): Promise<Looked<readonly ExistingVpc[]>> {
  return looked(async () => {
    const found = await inParts(wanted, (part) =>
      pages(paginateDescribeVpcs({ client }, { Filters: [filter('cidr-block-association.cidr-block', part)] }), ({ Vpcs }) => Vpcs),
    );
    const others = found.flatMap(({ VpcId: id, CidrBlockAssociationSet: associations, Tags: tags }) => {
      const blocks = (associations ?? []).flatMap(({ CidrBlock }) =>
        CidrBlock !== undefined && wanted.includes(CidrBlock) ? [CidrBlock] : [],
      );
      const isOurs = tags?.some(({ Key, Value }) => Key === 'holdfast:installation' && Value === installation);
      return id === undefined || isOurs === true ? [] : [{ id, blocks }];
    });
    const ids = others.map(({ id }) => id);
    const attachments = await inParts(ids, (part) =>
      pages(
        paginateDescribeTransitGatewayVpcAttachments({ client }, { Filters: [filter('vpc-id', part)] }),
        ({ TransitGatewayVpcAttachments }) => TransitGatewayVpcAttachments,
      ),
    );
    const isGone = (state: string | undefined): boolean => state === 'deleted' || state === 'deleting';
    return others.map(({ id, blocks }) => ({
      id,
      blocks,
      gateways: attachments.flatMap(({ VpcId, TransitGatewayId, State }) =>
        VpcId === id && TransitGatewayId !== undefined && !isGone(State) ? [TransitGatewayId] : [],
      ),
    }));
  }, 'ec2:DescribeVpcs');
}

import { replacedVpc } from '../support/networks.ts';
import { recoversFrom } from '../support/recovery-point.ts';

recoversFrom({
  what: 'a replacement that deletes first, after its delete',
  ...replacedVpc,
  call: { service: 'ec2', action: 'CreateTransitGatewayVpcAttachment' },
});

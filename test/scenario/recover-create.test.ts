import { DeleteTransitGatewayCommand } from '@aws-sdk/client-ec2';
import { smallNetwork } from '../support/networks.ts';
import { recoversFrom } from '../support/recovery-point.ts';

recoversFrom({
  what: 'a create',
  short: 'transit-gateway',
  stack: 'small.transit-gateway',
  call: { service: 'ec2', action: 'CreateTransitGateway' },
  networks: () => ({ before: smallNetwork, wanted: smallNetwork }),
  deployed: [],
  fromNothing: true,
  // The provider waits two minutes before it first looks at a deleted gateway.
  remove: (rig, id) => rig.ec2.send(new DeleteTransitGatewayCommand({ TransitGatewayId: id })),
});

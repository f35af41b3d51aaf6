import { smallNetwork } from '../support/networks.ts';
import { recoversFrom } from '../support/recovery-point.ts';

recoversFrom({
  what: 'a delete',
  short: 'transit-gateway',
  stack: 'small.transit-gateway',
  call: { service: 'ec2', action: 'DeleteTransitGatewayRoute' },
  networks: () => ({ before: smallNetwork, wanted: smallNetwork.replace('[10.9.0.0/16]', '[]') }),
  deployed: ['transit-gateway'],
  fromNothing: false,
});

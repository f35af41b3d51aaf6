import { smallNetwork } from '../support/networks.ts';
import { recoversFrom } from '../support/recovery-point.ts';

const describedAs = (text: string): string => `${smallNetwork}gateway: { description: ${text} }\n`;

recoversFrom({
  what: 'an update',
  short: 'transit-gateway',
  stack: 'small.transit-gateway',
  call: { service: 'ec2', action: 'ModifyTransitGateway' },
  networks: (nth) => ({ before: describedAs(`edition ${nth}`), wanted: describedAs(`edition ${nth + 1}`) }),
  deployed: ['transit-gateway'],
  fromNothing: false,
});

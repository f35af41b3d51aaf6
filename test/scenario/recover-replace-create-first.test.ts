import { replacedVpc } from '../support/networks.ts';
import { recoversFrom } from '../support/recovery-point.ts';

recoversFrom({
  what: 'a replacement that creates first',
  ...replacedVpc,
  call: { service: 'ec2', action: 'CreateVpc' },
});

import { describe, expect, it } from 'vitest';
import { decided, deploymentOf, object, pending, raw, types } from '../support/recovery.ts';

const secret = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', ciphertext: 'v1:…' };

describe('H21: a create that cannot be told from others (no key, no tags) is taken for one of which nothing was made', () => {
  it('a part of its key is a secret of the program: the evidence does not decide', () => {
    const create = raw('route', { type: types.route, inputs: { routeTableId: 'rtb-1', destinationCidrBlock: secret } });
    const lines = decided({
      versions: [deploymentOf([], [pending('creating', create)])],
      // It was made.
      objects: [
        object('r-rtb-1_10.0.0.0/8', { type: types.route, properties: { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8' } }),
      ],
    });
    expect(lines).not.toEqual(['G1 forget route']);
  });

  it('its program forgot the tags (a new kind): the evidence does not decide', () => {
    const create = raw('firewall', { type: types.vpc, inputs: { cidrBlock: '10.0.0.0/16' } });
    const lines = decided({
      versions: [deploymentOf([], [pending('creating', create)])],
      objects: [object('vpc-made', { properties: { cidrBlock: '10.0.0.0/16' } })],
    });
    expect(lines).not.toEqual(['G1 forget firewall']);
  });
});

import { describe, expect, it } from 'vitest';
import type { LabCall } from '../../lab/control.ts';
import { afterCalls } from '../matrix/oracle.ts';

const call = (action: string, params: LabCall['params'], ...resourceIds: readonly string[]): LabCall => ({
  seq: 1,
  service: 'ec2',
  action,
  mutating: true,
  accessKeyId: null,
  userAgent: null,
  params,
  key: null,
  status: 200,
  errorCode: null,
  sessionName: null,
  resourceIds,
});

const associated = [
  call('CreateSubnet', { VpcId: 'vpc-1' }, 'subnet-1'),
  call('CreateRouteTable', { VpcId: 'vpc-1' }, 'rtb-1'),
  call('AssociateRouteTable', { RouteTableId: 'rtb-1', SubnetId: 'subnet-1' }, 'rtbassoc-1'),
];

describe('what AWS has after the calls of a case', () => {
  it('has no association of a subnet that was deleted, although no call ended it', () => {
    const left = afterCalls(new Set(), [...associated, call('DeleteSubnet', { SubnetId: 'subnet-1' })]);
    expect([...left]).toEqual(['rtb-1']);
  });

  it('has the association of a subnet that is there, until a call with its id ends it', () => {
    const association = 'aws:ec2/routeTableAssociation:RouteTableAssociation rtbassoc-1 subnet-1';
    const others = call('DeleteSubnet', { SubnetId: 'subnet-2' });
    expect([...afterCalls(new Set(), [...associated, others])]).toEqual(['subnet-1', 'rtb-1', association]);
    const ended = call('DisassociateRouteTable', { AssociationId: 'rtbassoc-1' });
    expect([...afterCalls(new Set(), [...associated, ended])]).toEqual(['subnet-1', 'rtb-1']);
  });
});

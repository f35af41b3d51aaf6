import { CreateVpcCommand, DeleteVpcCommand, EC2Client } from '@aws-sdk/client-ec2';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Moment } from '../../lab/proxy/watch.ts';
import { startProxy } from '../../lab/proxy/proxy.ts';
import { account, createVpc, present, region, tagged, useEmulator } from './emulator-lab.ts';

/** The watch over the real emulator: what AWS has after each call. */

const emulator = useEmulator();

async function startWatched() {
  const proxy = await startProxy({ upstreamPort: emulator.port, accountId: account, region });
  if ('reason' in proxy) throw new Error(proxy.reason);
  const ec2 = new EC2Client({ ...emulator.config(), endpoint: proxy.url });
  onTestFinished(async () => {
    ec2.destroy();
    await proxy.close();
  });
  const api = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${proxy.url}/_lab/${path}`, {
      method,
      headers: { authorization: `Bearer ${proxy.token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return await answer.json();
  };
  /** Blocks of the VPCs that AWS had at each moment. */
  const seen = async (): Promise<unknown[]> => {
    const { moments } = (await api('GET', 'watch')) as { moments: Moment[] };
    return moments.map(({ action, looked }) => [
      action,
      looked.ok
        ? looked.value.objects.flatMap(({ type, properties }) => (type === 'aws:ec2/vpc:Vpc' ? [properties['cidrBlock']] : [])).sort()
        : looked,
    ]);
  };
  return { ec2, api, seen };
}

const vpcOf = (CidrBlock: string) =>
  new CreateVpcCommand({ CidrBlock, TagSpecifications: tagged('vpc', { 'holdfast:stack': 's', 'holdfast:resource': CidrBlock }) });

describe('a watched lab', () => {
  it('has what AWS had at the beginning and after each call', async () => {
    const { ec2, api, seen } = await startWatched();
    await createVpc(emulator.ec2, '10.9.0.0/16');
    await api('POST', 'watch');
    const made = await ec2.send(vpcOf('10.1.0.0/16'));
    await ec2.send(new DeleteVpcCommand({ VpcId: present(made.Vpc?.VpcId) }));
    expect(await seen()).toEqual([
      [null, ['10.9.0.0/16']],
      ['CreateVpc', ['10.1.0.0/16', '10.9.0.0/16']],
      ['DeleteVpc', ['10.9.0.0/16']],
    ]);
  });

  it('has it after a call whose reply is lost, and goes on with others while one is held', async () => {
    const { ec2, api, seen } = await startWatched();
    await api('POST', 'watch');
    await api('POST', 'faults', {
      match: { action: 'CreateVpc', params: { CidrBlock: '10.1.0.0/16' } },
      do: { kind: 'hold', point: 'after' },
    });
    await api('POST', 'faults', { match: { action: 'CreateVpc', params: { CidrBlock: '10.2.0.0/16' } }, do: { kind: 'lose-reply' } });
    const held = ec2.send(vpcOf('10.1.0.0/16'));
    await api('GET', 'held?wait=1');
    await ec2.send(vpcOf('10.2.0.0/16')).catch(() => undefined);
    await ec2.send(vpcOf('10.3.0.0/16'));
    expect(await seen()).toEqual([
      [null, []],
      ['CreateVpc', ['10.1.0.0/16']],
      ['CreateVpc', ['10.1.0.0/16', '10.2.0.0/16']],
      ['CreateVpc', ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16']],
    ]);
    await api('DELETE', 'faults');
    await held;
  });

  it('is watched no more after a reset', async () => {
    const { ec2, api } = await startWatched();
    await api('POST', 'watch');
    await api('POST', 'reset');
    await ec2.send(vpcOf('10.1.0.0/16'));
    expect(await api('GET', 'watch')).toEqual({ reason: 'not-found', message: 'There is no watch.' });
  });
});

import { describe, expect, it } from 'vitest';
import { countEngines, countRequests, stacksWritten } from '../../bench/requests.ts';
import type { LabCall } from '../../lab/control.ts';

function call(service: string, action: string, more: Partial<LabCall> = {}): LabCall {
  return {
    seq: 1,
    service,
    action,
    mutating: false,
    accessKeyId: null,
    userAgent: null,
    params: {},
    key: null,
    status: 200,
    errorCode: null,
    sessionName: null,
    resourceIds: [],
    ...more,
  };
}

describe('the calls of a measurement', () => {
  it('are counted by whom they asked', () => {
    const calls = [call('s3', 'PutObject'), call('s3', 'GetObject'), call('ec2', 'CreateVpc'), call('sts', 'AssumeRole')];
    expect(countRequests(calls)).toEqual({ s3: 2, ec2: 1, other: 1 });
  });

  it('tell how many engines were started: by the plugin that asks who it is, and not by the orchestrator that does', () => {
    const calls = [
      call('sts', 'GetCallerIdentity', { userAgent: 'APN/1.0 HashiCorp/1.0 Terraform/1.0' }),
      call('sts', 'GetCallerIdentity', { userAgent: 'aws-sdk-js/3.1169.0' }),
    ];
    expect(countEngines(calls)).toBe(1);
  });

  it('tell whose state was written: a read, a backup or the state of a stack that nobody asked about is none', () => {
    const put = (key: string) => call('s3', 'PutObject', { key });
    const calls = [
      put('.pulumi/stacks/holdfast/example.vpc.one.json'),
      put('.pulumi/stacks/holdfast/example.vpc.two.json.bak'),
      put('.pulumi/stacks/holdfast/example.vpc.four.json'),
      call('s3', 'GetObject', { key: '.pulumi/stacks/holdfast/example.vpc.three.json' }),
    ];
    expect(stacksWritten(calls, ['example.vpc.one', 'example.vpc.two', 'example.vpc.three'])).toEqual(new Set(['example.vpc.one']));
  });
});

import { describe, expect, it } from 'vitest';
import type { Fence, MountReport } from '../../orchestrator/gateway/gateway.ts';
import type { EngineResult, EngineStep } from '../../orchestrator/pulumi/engine.ts';
import { judge, refusalOf } from '../../orchestrator/run/verdict.ts';
import { checkpointOf, refusedBy, stepOf, urnOf } from './support/fake-engine.ts';
import type { Pending } from './support/fake-engine.ts';

const stack = 'example.vpc.a';
const plain = refusedBy('CreateVpc', 'VpcLimitExceeded');

const reportOf = (different: Partial<MountReport> = {}, pending: readonly Pending[] = []): MountReport => ({
  checkpoint: { body: checkpointOf(stack, new Map(), pending), etag: '"1"', modified: new Date(0) },
  intended: true,
  durable: true,
  fence: undefined,
  spool: undefined,
  requests: { engine: 9, bucket: 3 },
  ...different,
});

const step = (op: string, name = 'vpc', phase: EngineStep['phase'] = 'done'): EngineStep => stepOf(op, name, stack, phase);

const succeeded = (...steps: EngineStep[]): EngineResult => ({ outcome: 'succeeded', steps, unfinished: [] });

type Failed = Extract<EngineResult, { outcome: 'failed' }>;

const failed = (different: Partial<Failed> = {}): Failed => ({
  outcome: 'failed',
  steps: [],
  unfinished: [],
  failures: [],
  started: true,
  errors: ['x'],
  interrupted: false,
  ...different,
});

const failedStep = (message: string, op = 'create', name = 'vpc'): Partial<Failed> => {
  const failing = step(op, name, 'failed');
  return { steps: [failing], failures: [{ step: failing, messages: [message] }] };
};

const told = (result: EngineResult, report = reportOf()) => {
  const { doubts, settled, created } = judge(result, report);
  return { doubts: doubts.map(({ source, text }) => `${source}: ${text}`), settled, created };
};

const fence = (kind: Fence['kind']): Fence => ({ kind, message: `because of ${kind}` });

describe('an end without a doubt', () => {
  it.each<readonly [string, EngineResult, MountReport, boolean]>([
    ['is success', succeeded(step('update')), reportOf(), false],
    ['is success that created', succeeded(step('create')), reportOf(), true],
    ['is success that replaced', succeeded(step('create-replacement'), step('delete-replaced')), reportOf(), true],
    ['is success that deleted all', succeeded(step('delete')), reportOf({ checkpoint: undefined }), false],
    ['is a failure before any step began', failed(), reportOf({ intended: false, checkpoint: undefined }), false],
  ])('%s', (_, result, report, created) => {
    expect(told(result, report)).toMatchObject({ doubts: [], created });
  });

  it('creates nothing where only the stack and its providers were new', () => {
    const provider: EngineStep = { ...step('create'), type: 'pulumi:providers:aws' };
    expect(told(succeeded(provider)).created).toBe(false);
  });
});

describe('a doubt that a look does not settle', () => {
  const cases: readonly (readonly [string, EngineResult, MountReport, readonly string[]])[] = [
    [
      'is a pending operation, though the engine succeeded',
      succeeded(),
      reportOf({}, [{ type: 'creating', name: 'vpc' }]),
      ['pending-operation: CreateVpc outcome unknown'],
    ],
    [
      'is a pending operation, though an event says that its step came to its end',
      failed({ steps: [step('create')] }),
      reportOf({}, [{ type: 'creating', name: 'vpc' }]),
      ['pending-operation: CreateVpc outcome unknown'],
    ],
    [
      'is a failed step, though other events say that it was plainly refused and that it was done',
      failed({
        steps: [step('create', 'vpc', 'failed'), step('create')],
        failures: [{ step: step('create', 'vpc', 'failed'), messages: ['operation error EC2: CreateVpc, EOF', plain] }],
      }),
      reportOf(),
      ['failed-step: CreateVpc outcome unknown'],
    ],
    ['is a step without an end', failed({ unfinished: [step('create')] }), reportOf(), ['unfinished-step: CreateVpc outcome unknown']],
    [
      'is one although the engine says that it succeeded',
      { outcome: 'succeeded', steps: [], unfinished: [step('delete')] },
      reportOf(),
      ['unfinished-step: DeleteVpc outcome unknown'],
    ],
    [
      'is a step without an end beside one that was plainly refused',
      failed({ ...failedStep(plain), unfinished: [step('create', 'other')] }),
      reportOf(),
      ['unfinished-step: CreateVpc outcome unknown', 'failed-step: CreateVpc outcome unknown'],
    ],
    [
      'is a failed step of which AWS did not plainly say so',
      failed(failedStep('creating EC2 VPC: operation error EC2: CreateVpc, EOF')),
      reportOf(),
      ['failed-step: CreateVpc outcome unknown'],
    ],
    [
      'is a failed update, whatever AWS said',
      failed(failedStep(refusedBy('ModifyVpcAttribute', 'InvalidParameterValue'), 'update')),
      reportOf(),
      ['failed-step: UpdateVpc outcome unknown'],
    ],
    [
      'is a checkpoint that did not reach the bucket',
      succeeded(step('create')),
      reportOf({ durable: false }),
      ['not-durable: the last checkpoint that the engine wrote did not reach the bucket'],
    ],
    ['is a lock that went', succeeded(), reportOf({ fence: fence('lock-lost') }), ['lock: because of lock-lost']],
    [
      'is a checkpoint of somebody else',
      succeeded(),
      reportOf({ fence: fence('changed-behind') }),
      ['not-durable: because of changed-behind'],
    ],
    [
      'is a bucket that failed',
      failed(),
      reportOf({ fence: fence('bucket-failed'), durable: false }),
      ['not-durable: because of bucket-failed'],
    ],
    [
      'is a fence although no step ever began',
      failed(),
      reportOf({ intended: false, fence: fence('lock-lost') }),
      ['lock: because of lock-lost'],
    ],
    [
      'is a checkpoint that cannot be read',
      succeeded(),
      reportOf({ checkpoint: { body: '{"version":9}', etag: '"1"', modified: new Date(0) } }),
      ['checkpoint: the checkpoint has format 9, this Holdfast reads up to 3'],
    ],
    [
      'is a lost lock beside a plain refusal',
      failed(failedStep(plain)),
      reportOf({ fence: fence('lock-lost') }),
      ['failed-step: CreateVpc outcome unknown', 'lock: because of lock-lost'],
    ],
    [
      'is a lost write beside a plain refusal',
      failed(failedStep(plain)),
      reportOf({ durable: false }),
      ['failed-step: CreateVpc outcome unknown', 'not-durable: the last checkpoint that the engine wrote did not reach the bucket'],
    ],
  ];

  it.each(cases)('%s', (_, result, report, doubts) => {
    expect(told(result, report)).toMatchObject({ doubts, settled: 'no' });
  });
});

describe('a doubt that a look settles', () => {
  it('is a create that AWS plainly refused', () => {
    expect(told(failed(failedStep(plain)))).toEqual({
      doubts: ['failed-step: CreateVpc outcome unknown'],
      settled: 'by-a-look',
      created: true,
    });
  });

  it('is several of them', () => {
    const two = [failedStep(plain), failedStep(refusedBy('CreateVpc', 'UnauthorizedOperation', 403), 'create', 'other')];
    const result = failed({ steps: two.flatMap(({ steps = [] }) => steps), failures: two.flatMap(({ failures = [] }) => failures) });
    expect(told(result)).toMatchObject({ settled: 'by-a-look', doubts: { length: 2 } });
  });

  it.each([true, false])('is an engine that failed though every step ended (interrupted: %s)', (interrupted) => {
    const { doubts, settled } = told(failed({ steps: [step('create')], interrupted }));
    expect([doubts.length, doubts[0]?.startsWith('exit: '), settled]).toEqual([1, true, 'by-a-look']);
  });
});

describe('doubts', () => {
  it('name each operation once, whoever tells of it', () => {
    const result = failed({ ...failedStep('EOF'), unfinished: [step('create')] });
    expect(told(result, reportOf({}, [{ type: 'creating', name: 'vpc' }])).doubts).toEqual([
      'pending-operation: CreateVpc outcome unknown',
    ]);
  });

  it('carry what recovery works with', () => {
    const { doubts } = judge(succeeded(), reportOf({}, [{ type: 'deleting', name: 'vpc' }]));
    expect(doubts).toEqual([{ source: 'pending-operation', op: 'deleting', urn: urnOf(stack, 'vpc'), text: 'DeleteVpc outcome unknown' }]);
  });
});

describe('a request that AWS plainly refused', () => {
  const create = step('create');

  it.each([
    ['a limit', refusedBy('CreateVpc', 'VpcLimitExceeded')],
    ['a permission', refusedBy('CreateVpc', 'UnauthorizedOperation', 403)],
    ['a parameter', refusedBy('CreateSubnet', 'InvalidParameterValue')],
    ['a code with a dot', refusedBy('CreateSubnet', 'InvalidSubnet.Range')],
    ['an expired session', refusedBy('CreateVpc', 'ExpiredToken')],
    [
      'a code that the service’s model has, which the SDK writes without a word before it',
      'creating SNS Topic (holdfast-n): operation error SNS: CreateTopic, https response error StatusCode: 400, RequestID: 4d09bd73-6a33-4ec7-8d2c-6e8f3a1a9c8e, InvalidParameter: Invalid parameter: Tags Reason: Topic already exists with different tags',
    ],
    [
      'the whole text of the provider',
      'sdk-v2/provider2.go:572: sdk.helper_schema: creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: 4d09bd73-6a33-4ec7-8d2c-6e8f3a1a9c8e, api error VpcLimitExceeded: The maximum number of VPCs has been reached.: provider=aws@7.48.0',
    ],
  ])('is %s', (_, message) => {
    expect(refusalOf(create, [message])).toBe('plain');
  });

  it.each([
    ['what is there already', refusedBy('CreateRoute', 'RouteAlreadyExists')],
    ['what exists under another word', refusedBy('CreateTransitGatewayVpcAttachment', 'DuplicateTransitGatewayAttachment')],
    ['what is associated already', refusedBy('AssociateRouteTable', 'Resource.AlreadyAssociated')],
    ['a conflict', refusedBy('CreateSubnet', 'InvalidSubnet.Conflict')],
    ['a state that an earlier try may have made', refusedBy('CreateTransitGatewayRoute', 'IncorrectState')],
    ['a token that was used', refusedBy('CreateTransitGateway', 'IdempotentParameterMismatch')],
    ['throttling', refusedBy('CreateVpc', 'RequestLimitExceeded')],
    ['throttling by another word', refusedBy('CreateVpc', 'ThrottlingException')],
    ['AWS being unavailable', refusedBy('CreateVpc', 'Unavailable', 503)],
    ['an error of AWS itself', refusedBy('CreateVpc', 'InternalError', 500)],
    ['an unknown code with a 5xx', refusedBy('CreateVpc', 'VpcLimitExceeded', 502)],
    [
      'tries that ran out',
      'creating EC2 VPC: operation error EC2: CreateVpc, exceeded maximum number of attempts, 25, https response error StatusCode: 503, RequestID: 5b2f, api error Unavailable: The service is unavailable.',
    ],
    [
      'a connection that broke',
      'creating EC2 VPC: operation error EC2: CreateVpc, exceeded maximum number of attempts, 25, https response error StatusCode: 0, RequestID: , request send failed, Post "https://ec2.eu-west-1.amazonaws.com/": EOF',
    ],
    [
      'a connection that was reset',
      'creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 0, RequestID: , request send failed, Post "https://ec2.eu-west-1.amazonaws.com/": read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer',
    ],
    ['a cancelled context', 'creating EC2 VPC: operation error EC2: CreateVpc, request canceled, context canceled'],
    ['a look that failed after the create', refusedBy('DescribeVpcs', 'UnauthorizedOperation', 403)],
    [
      'a wait that ended',
      "waiting for EC2 VPC (vpc-1) create: timeout while waiting for state to become 'available' (last state: 'pending', timeout: 10m0s)",
    ],
    ['nothing of AWS', 'context deadline exceeded'],
    ['nothing at all', ''],
  ])('is not %s', (_, message) => {
    expect(refusalOf(create, [message])).toBe('none');
  });

  it.each(['update', 'read', 'refresh', 'import', 'same'])('is none of: %s', (op) => {
    expect(refusalOf(step(op), [plain])).toBe('none');
  });

  it.each(['create', 'create-replacement', 'delete', 'delete-replaced'])('is one of: %s', (op) => {
    expect(refusalOf(step(op), [plain])).toBe('plain');
  });

  it('is none where nothing was said', () => {
    expect(refusalOf(create, [])).toBe('none');
  });

  it('is none of the engine itself', () => {
    expect(refusalOf({ ...create, type: 'pulumi:providers:aws' }, [plain])).toBe('none');
  });

  it('is one where all that was said is that', () => {
    expect(refusalOf(create, [plain, refusedBy('CreateVpc', 'UnauthorizedOperation', 403)])).toBe('plain');
  });

  it('is none where something else was said, too', () => {
    expect(refusalOf(create, [plain, 'unexpected EOF'])).toBe('none');
  });

  // A request that was lost, and one after it that was refused, in one text: the provider joins several errors so.
  it('is none where one text tells of a request that was lost, and of another one that was refused', () => {
    const lost =
      'creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 0, RequestID: , request send failed, Post "https://ec2/": EOF';
    expect(refusalOf(create, [`2 errors occurred:\n\t* ${lost}\n\t* ${refusedBy('DeleteVpc', 'UnauthorizedOperation', 403)}`])).toBe(
      'none',
    );
  });
});

describe('a refusal of a delete', () => {
  const codes = [
    ['DependencyViolation', 'plain', 'others need it'],
    ['InvalidGroup.InUse', 'plain', 'others use it'],
    ['UnauthorizedOperation', 'plain', 'it is not permitted'],
    ['OperationNotPermitted', 'plain', 'it is not possible'],
    ['IncorrectState', 'if-there', 'others need it, or it is being deleted'],
    ['InvalidVpcID.NotFound', 'none', 'an earlier try may have deleted it'],
    ['InvalidRoute.NotFound', 'none', 'an earlier try may have deleted it'],
    ['TopicDoesNotExist', 'none', 'an earlier try may have deleted it'],
    ['Resource.AlreadyDisassociated', 'none', 'an earlier try may have done it'],
    ['RequestLimitExceeded', 'none', 'it says nothing'],
  ] as const;

  it.each(codes)('by %s is %s: %s', (code, refusal) => {
    expect(refusalOf(step('delete'), [refusedBy('DeleteVpc', code)])).toBe(refusal);
    expect(refusalOf(step('delete-replaced'), [refusedBy('DeleteVpc', code)])).toBe(refusal);
  });

  it('is one of a create by the same code only where that says that nothing was made', () => {
    expect(refusalOf(step('create'), [refusedBy('CreateSubnet', 'InvalidVpcID.NotFound')])).toBe('plain');
    expect(refusalOf(step('create'), [refusedBy('CreateTransitGatewayRoute', 'IncorrectState')])).toBe('none');
  });

  it('is as doubtful as the most doubtful of its requests', () => {
    const [plainly, ifThere] = [refusedBy('DeleteVpc', 'DependencyViolation'), refusedBy('DeleteVpc', 'IncorrectState')];
    expect(refusalOf(step('delete'), [plainly, ifThere])).toBe('if-there');
    expect(refusalOf(step('delete'), [plainly, ifThere, refusedBy('DeleteVpc', 'InvalidVpcID.NotFound')])).toBe('none');
  });

  it('is settled by a look, and names what has to be there', () => {
    const failing = failedStep(refusedBy('DeleteTransitGatewayRouteTable', 'IncorrectState'), 'delete');
    const verdict = judge(failed(failing), reportOf());
    expect([verdict.settled, verdict.refusedIfThere.map(({ urn }) => urn)]).toEqual(['by-a-look', [urnOf(stack, 'vpc')]]);
  });
});

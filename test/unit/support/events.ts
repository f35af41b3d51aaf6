import type { RunEvent } from '../../../orchestrator/run/events.ts';
import { Foreign } from '../../../orchestrator/domain/foreign.ts';
import { noChanges } from '../../../orchestrator/run/events.ts';

const stack = 'example.vpc.a';

/** One of each type: a type that is missing here does not compile. */
export const byType: { readonly [T in RunEvent['type']]: Extract<RunEvent, { type: T }> } = {
  target: {
    type: 'target',
    command: 'up',
    network: 'example',
    file: 'networks/example.yaml',
    account: '111122223333',
    region: 'eu-west-1',
    target: 'LAB',
  },
  note: { type: 'note', message: 'a note' },
  progress: { type: 'progress', message: 'building: 1 of 9' },
  check: {
    type: 'check',
    check: { id: 'zones', title: 'zones', outcome: 'fail', message: 'no zone', next: 'Another.', fatalFor: ['up'], exitCode: 3 },
    listed: true,
  },
  'bucket-property': {
    type: 'bucket-property',
    property: { id: 'versioning', what: 'versioning', outcome: 'short', changed: false, shortfalls: [{ text: 'it is off', mended: true }] },
    next: 'npm run bootstrap',
  },
  checked: { type: 'checked', checks: 12, warnings: 1, notChecked: 0, session: '2 h left' },
  'stage-started': { type: 'stage-started', stage: 'up', stacks: [{ stack, short: 'vpc.a', kind: 'VPCs' }] },
  'stack-started': { type: 'stack-started', stack, total: 3 },
  step: { type: 'step', stack, phase: 'done', op: 'create', resource: 'vpc', resourceType: 'aws:ec2/vpc:Vpc' },
  'engine-output': { type: 'engine-output', stack, text: new Foreign('line one\nline two\n') },
  'stack-ended': {
    type: 'stack-ended',
    stack,
    end: { outcome: 'failed', errors: [new Foreign('a "quoted"\nerror'), 'a sentence'] },
    seconds: 3,
  },
  'pass-started': { type: 'pass-started', pass: 'switch', number: 2, of: 3, stacks: ['vpc.a', 'vpc.b'] },
  'stage-ended': { type: 'stage-ended', stage: 'up' },
  plan: {
    type: 'plan',
    plan: {
      stacks: [{ stack, short: 'vpc.a', exists: false, hasChanges: true, counts: { ...noChanges, create: 1 }, changes: [] }],
      passes: [],
      failed: [],
      notInFile: [],
    },
  },
  draining: { type: 'draining', message: 'SIGINT: nothing new starts' },
  waiting: { type: 'waiting', stack, message: 'vpc.a: the state bucket fails' },
  'session-ends': { type: 'session-ends', stack, short: 'vpc.a', ends: '2030-01-01T12:30:00.000Z' },
  'delete-waits': {
    type: 'delete-waits',
    stack,
    short: 'vpc.a',
    resource: 'private',
    resourceType: 'aws:ec2/subnet:Subnet',
    id: 'subnet-1',
    seconds: 45,
    until: '2030-01-01T00:20:00.000Z',
    obstacles: [{ kind: 'network-interface', id: 'eni-1', owner: '444455556666', description: 'a database' }],
    unseen: [{ action: 'ec2:DescribeNatGateways', code: 'UnauthorizedOperation' }],
  },
  'lock-wait': {
    type: 'lock-wait',
    holders: [
      { stack, by: 'run', user: 'ada', host: 'build-7', pid: 42, since: '2030-01-01T00:00:00.000Z', run: 'run-1', operation: 'up' },
    ],
    waiters: [{ user: 'bob', host: 'laptop', pid: 7, since: '2030-01-01T00:01:00.000Z', lastHeard: '2030-01-01T00:02:00.000Z' }],
    until: '2030-01-01T00:20:00.000Z',
  },
  'recovery-step': { type: 'recovery-step', stack, step: 'quarantine', said: '12 versions', seconds: 2 },
  decision: { type: 'decision', stack, resource: 'vpc', id: 'vpc-0a1b', decision: 'adopt', because: 'the run made it' },
  question: { type: 'question', stack, question: { question: 'Whose is it?', answers: [{ means: 'ours', command: 'npm run recover' }] } },
  rehearsed: { type: 'rehearsed', text: 'what a drill\nshows' },
  problem: { type: 'problem', problem: { reason: 'x', message: 'a problem', next: 'Do this.' } },
  summary: { type: 'summary', command: 'up', ends: [], seconds: 1, exitCode: 0 },
};

export const everyEvent: readonly RunEvent[] = Object.values(byType);

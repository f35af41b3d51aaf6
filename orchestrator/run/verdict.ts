import type { Doubt } from '../journal/events.ts';
import type { Text } from '../domain/foreign.ts';
import type { MountReport } from '../gateway/gateway.ts';
import type { EngineResult, EngineStep } from '../pulumi/engine.ts';
import { parseCheckpoint } from '../state/checkpoints.ts';
import { operationName, typeOfUrn } from './standing.ts';

export interface Verdict {
  /** Empty: state and AWS are as well known as before the engine started. */
  readonly doubts: readonly Doubt[];
  /** True where the doubts are nothing but requests that AWS plainly refused: a look that finds nothing new settles them. */
  readonly settled: 'by-a-look' | 'no';
  /** Whether something was created, or may have been: then a look by tag precedes the release. */
  readonly created: boolean;
  /**
   * Deletes that AWS refused with a code that it also gives where an earlier try has begun the deletion: refused, if a look shows that what they were of is there.
   */
  readonly refusedIfThere: readonly EngineStep[];
  /** Types of the creates that AWS refused: perhaps because of what an earlier try of it made, whose reply was lost, and which AWS may not show yet. */
  readonly refusedCreates: readonly string[];
}

/**
 * Whether an engine's end is clean: its exit, its last durable checkpoint, its events, and whether what it wrote last is in the bucket. Nothing of
 * these alone says that AWS and the state agree, and each of them alone says that they may not.
 */
export function judge(result: EngineResult, report: MountReport): Verdict {
  const doubts: Doubt[] = [];
  const named = new Set<string>();
  const add = (doubt: Doubt): void => {
    // Each operation once, whoever tells of it.
    if (doubt.urn !== undefined && named.has(doubt.urn)) return;
    if (doubt.urn !== undefined) named.add(doubt.urn);
    doubts.push(doubt);
  };
  const failed = result.outcome === 'failed' ? result.failures : [];
  const refusals = failed.map(({ step, messages }) => ({ step, refusal: refusalOf(step, messages) }));
  const plain = new Set(refusals.filter(({ refusal }) => refusal !== 'none').map(({ step }) => step.urn));
  const content = report.checkpoint === undefined ? undefined : parseCheckpoint(report.checkpoint.body);
  if (content && 'reason' in content) add({ source: 'checkpoint', text: content.detail });
  for (const { type, urn } of content && !('reason' in content) ? content.pendingOperations : [])
    add({ source: 'pending-operation', op: type, urn, text: `${operationName(type, typeOfUrn(urn))} outcome unknown` });
  const unfinished = result.outcome === 'locked' ? [] : result.unfinished;
  for (const step of unfinished) add(doubtOf('unfinished-step', step));
  const certain = doubts.length;
  for (const { step } of failed) add(doubtOf('failed-step', step));
  const onlyRefused = certain === 0 && failed.every(({ step }) => plain.has(step.urn));
  if (report.fence) add({ source: report.fence.kind === 'lock-lost' ? 'lock' : 'not-durable', text: report.fence.message });
  else if (!report.durable) add({ source: 'not-durable', text: 'the last checkpoint that the engine wrote did not reach the bucket' });
  if (result.outcome === 'locked') add({ source: 'exit', text: `the engine found a lock: ${result.message}` });
  // No checkpoint ever named an operation: the engine writes one before each step, so none began.
  if (!report.intended && report.durable && !report.fence && result.outcome === 'failed')
    return { doubts: [], settled: 'no', created: false, refusedIfThere: [], refusedCreates: [] };
  const isUnclean = result.outcome === 'failed' && doubts.length === 0;
  if (isUnclean)
    add({
      source: 'exit',
      text: `the engine ${result.interrupted ? 'was interrupted' : 'ended with an error'} (every step that it began came to its end)`,
    });
  const steps = result.outcome === 'locked' ? [] : [...result.steps, ...unfinished];
  return {
    doubts,
    settled: report.fence === undefined && report.durable && (isUnclean || (doubts.length > 0 && onlyRefused)) ? 'by-a-look' : 'no',
    created: steps.some(isCreate),
    refusedIfThere: refusals.filter(({ refusal }) => refusal === 'if-there').map(({ step }) => step),
    refusedCreates: failed.flatMap(({ step }) => (isCreate(step) ? [step.type] : [])),
  };
}

/** Why it did not succeed; empty where it did. */
export const errorsOf = (result: EngineResult): readonly Text[] =>
  result.outcome === 'succeeded' ? [] : result.outcome === 'locked' ? [result.message] : result.errors;

const isCreate = ({ op, type }: EngineStep): boolean => op.startsWith('create') && !type.startsWith('pulumi:');

export function doubtOf(source: Doubt['source'], { op, type, urn }: EngineStep): Doubt {
  return { source, op, urn, text: `${operationName(op, type)} outcome unknown` };
}

/** What a code of AWS says of the request that it answers. */
type Refusal = 'plain' | 'if-there' | 'none';

interface Codes {
  readonly codes: RegExp;
  readonly refusal: Refusal;
}

/** Codes that say nothing of whether the request was carried out, whatever it was. */
const saysNothing: Codes = { codes: /Throttl|RequestLimit|Timeout|Unavailable|InternalError|InternalFailure|SlowDown/i, refusal: 'none' };

/**
 * What a code says of each sort of request, the first that fits; of any other code: a plain refusal. What the codes mean:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html, and of a deletion that was asked for twice the API's page of each call.
 */
const codesOf: Readonly<Record<'create' | 'delete', readonly Codes[]>> = {
  create: [
    saysNothing,
    // Something is there already: perhaps by an earlier try of the same request, whose reply was lost.
    { codes: /Exist|Duplicate|Conflict|InUse|Already|IncorrectState|Idempotent/i, refusal: 'none' },
  ],
  delete: [
    saysNothing,
    // It is gone, or not as it was: perhaps by an earlier try. `InvalidVpcID.NotFound`, `TopicDoesNotExist`, `NoSuchEntity`, `Resource.AlreadyDisassociated`.
    { codes: /NotFound|NoSuch|NotExist|Already|Conflict|Idempotent/i, refusal: 'none' },
    // Others need it: an earlier try was refused like this one. What was carried out would be `NotFound`.
    { codes: /^(DependencyViolation|.*InUse)$/, refusal: 'plain' },
    // A gateway's objects: because others need them, or because an earlier try is deleting them already.
    { codes: /IncorrectState/, refusal: 'if-there' },
  ],
};

/**
 * Whether AWS itself refused the one request of the step, so that it did nothing: `plain`, or `if-there`, which a look at what it was of has to confirm.
 * Of updates, which are several requests, this is never known.
 * The provider's texts are those of the AWS SDK for Go: `operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: …, api error
 * VpcLimitExceeded: …`
 */
export function refusalOf({ op, type }: EngineStep, messages: readonly string[]): Refusal {
  const sort = sortOf[op];
  if (sort === undefined || type.startsWith('pulumi:') || messages.length === 0) return 'none';
  // Each request that a text tells of by itself: of two that are joined, one may be lost and the other refused. A text may tell of several tries, or of several requests.
  const told = messages.map((message) => message.split('operation error ').slice(1));
  if (told.some((requests) => requests.length === 0)) return 'none';
  const refusals = new Set(told.flat().map((text) => requestRefusal(text, sort)));
  return refusals.has('none') ? 'none' : refusals.has('if-there') ? 'if-there' : 'plain';
}

const sortOf: Readonly<Record<string, 'create' | 'delete'>> = {
  create: 'create',
  'create-replacement': 'create',
  delete: 'delete',
  'delete-replaced': 'delete',
};

/**
 * @param text `EC2: CreateVpc, https response error StatusCode: 400, RequestID: …, api error VpcLimitExceeded: …`; of a code that the service’s model has,
 * without `api error`
 */
function requestRefusal(text: string, sort: 'create' | 'delete'): Refusal {
  const match = /^\w+: (\w+),.*?StatusCode: (\d{3}),.*?(?:api error |RequestID: [\w-]*, )([A-Z][\w.]+)/s.exec(text);
  if (!match) return 'none';
  const [, operation = '', status = '', code = ''] = match;
  const isMutation = !/^(Describe|Get|List|Search)/.test(operation);
  if (!isMutation || !status.startsWith('4')) return 'none';
  return codesOf[sort].find(({ codes }) => codes.test(code))?.refusal ?? 'plain';
}

import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { lookAtBucket, lookAtZones } from '../aws/account.ts';
import { lookAtExistingVpcs } from '../aws/existing-vpcs.ts';
import { countVpcs, lookAtQuotas } from '../aws/quotas.ts';
import { lookAtIdentity } from '../aws/identity.ts';
import { Bucket } from '../aws/bucket.ts';
import { BucketReads, lookAtProperties } from '../aws/bucket-properties.ts';
import { engineCredentials, openClients, stateUrl } from '../aws/clients.ts';
import type { Clients } from '../aws/clients.ts';
import { tryKey } from '../aws/key.ts';
import { usableUntil } from '../aws/session.ts';
import type { Session } from '../aws/session.ts';
import { formatSeconds } from '../domain/duration.ts';
import { linkForm } from '../domain/forms.ts';
import { exitCodes, worstOf } from '../domain/exit-codes.ts';
import { messageOf, Refusal } from '../domain/problem.ts';
import type { Problem } from '../domain/problem.ts';
import { parseStackName, shortOf } from '../domain/stack-name.ts';
import type { StackNode } from '../graph/graph.ts';
import { fittedProcess } from '../locks/lock-record.ts';
import type { LockRecord, ProcessRecord } from '../locks/lock-record.ts';
import type { Network } from '../network/read-network.ts';
import { bucketOf } from '../network/spec.ts';
import { unknownLiveness } from '../ownership/liveness.ts';
import { runChecks } from '../preflight/check.ts';
import type { Command } from '../preflight/check.ts';
import { checks } from '../preflight/checks.ts';
import type { PreflightFacts } from '../preflight/checks.ts';
import { needsOf } from '../preflight/quotas.ts';
import { lastReview } from '../preflight/runbook-review.ts';
import type { ProgramSettings } from '../pulumi/program.ts';
import type { Emit } from '../run/events.ts';
import type { LiveSession } from '../run/stack-run.ts';
import type { Observer } from '../ownership/processes.ts';
import { namesOf, outputDigests } from '../run/fingerprint.ts';
import { describeHeld, readStandings } from '../run/standing.ts';
import type { Standings } from '../run/standing.ts';
import { restoreLocks } from '../run/tidy.ts';
import type { TidyRequest } from '../run/tidy.ts';
import { noStrays } from '../state/bounded.ts';
import { readStates } from '../state/checkpoints.ts';
import type { StackState, UnreadableState } from '../state/checkpoints.ts';
import { criticalPathSeconds } from '../state/durations.ts';
import { earlierStacks } from '../state/earlier-stacks.ts';
import { oldLayoutPrefixes, schemaVersion } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { readInstallation } from '../state/installation.ts';
import { parseKmsUrl } from '../state/kms-url.ts';
import { holdsSecrets, recordedSecrets } from '../state/secrets.ts';
import { lookAtOtherUsers } from '../../toolchain/other-users.ts';
import { lookAt, machineIdentity, ownIdentity } from '../../toolchain/process-identity.ts';
import { earlierKinds, oldLayout } from '../ui/bucket.ts';
import type { Context } from './context.ts';
import type { OpenedFile } from './open-file.ts';
import { programSettings } from './fingerprint-settings.ts';
import { kindsOf } from './kinds.ts';
import { openRunSession, runId, RunSession } from './run-session.ts';
import { lookAtPassphrase, passphraseEnvironment } from './passphrase.ts';

/** A session and the clients that use it. */
export interface OpenedSession {
  readonly run: string;
  readonly session: () => Session;
  readonly clients: Clients;
  readonly store: Bucket;
  readonly bucket: string;
  readonly live: LiveSession;
  readonly process: ProcessRecord;
  /** What a lock of this process says, under the session of this moment. */
  readonly lockRecord: (stack: string, operation: LockRecord['operation']) => LockRecord;
}

/** @param opened a session that there is already */
export async function openAws(
  context: Context,
  { network, target }: OpenedFile,
  sessionExpires?: Date,
  opened?: { readonly run: string; readonly session: Session },
): Promise<OpenedSession> {
  const { region } = network.spec;
  const run = opened?.run ?? runId(context.now());
  const process = await ownProcess();
  const startedAt = new Date(context.now()).toISOString();
  const session = new RunSession(
    opened?.session ?? (await openRunSession(context, { network, target }, run, sessionExpires)),
    `holdfast-${run}`,
    context.now,
  );
  const clients = (context.ports?.openClients ?? openClients)(target, region, () => session.current);
  const bucket = bucketOf(network.spec);
  return {
    run,
    session: () => session.current,
    clients,
    bucket,
    store: new Bucket(clients.s3, bucket, network.spec.account),
    live: {
      remainingSeconds: () => session.remainingSeconds(),
      renew: () => session.renew(),
      environment: () => ({
        ...engineCredentials(target, region, session.current),
        ...passphraseEnvironment(context),
      }),
      record: () => session.record(),
    },
    process,
    lockRecord: (stack, operation) => ({
      schema: schemaVersion,
      ...process,
      stack,
      run,
      operation,
      epoch: 1,
      ...session.record(),
      ...ciLink(context.env),
      startedAt,
    }),
  };
}

async function ownProcess(): Promise<ProcessRecord> {
  const [{ pid, startedAt }, machine] = await Promise.all([ownIdentity(), machineIdentity()]);
  return fittedProcess({
    nonce: randomBytes(16).toString('hex'),
    user: userInfo().username,
    host: hostname(),
    machine,
    pid,
    processStartedAt: startedAt,
  });
}

/** A link to the job, where a CI says what it needs. https://docs.github.com/actions/reference/variables-reference, https://docs.gitlab.com/ci/variables/predefined_variables */
export function ciLink(env: Context['env']): { ciLink?: string } {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id, CI_JOB_URL: job } = env;
  const link = server && repository && id ? `${server}/${repository}/actions/runs/${id}` : job;
  // A variable may say anything, and a link that does not read as one would make the lock that has it unreadable.
  return link !== undefined && linkForm.safeParse(link).success ? { ciLink: link } : {};
}

/** What the bucket says of the network. */
export interface BucketState {
  readonly states: ReadonlyMap<string, StackState>;
  readonly unreadable: readonly UnreadableState[];
  readonly standings: Standings;
}

/** What a command begins with. */
export interface OpenedState extends BucketState {
  /** Of what was deployed before; empty where the command forecasts nothing. */
  readonly durations: ReadonlyMap<string, number>;
  readonly settings: ProgramSettings;
  /** Seconds by which this machine's clock is ahead of AWS's; undefined where it could not be compared. */
  readonly clockSkewSeconds: number | undefined;
}

export interface PreflightRequest {
  readonly command: Command;
  readonly selected: ReadonlySet<string>;
  readonly cli: string;
  readonly plugin: string | Problem;
  /** A person has said that other users of the machine may be there. */
  readonly sharedMachine: boolean;
  /** A person has said that VPCs with the blocks of those that are to be made may exist. */
  readonly besideExisting?: boolean;
  /** One part of a shared run: what stands on a stack that is not there is left out of it, and no reason to refuse the rest. */
  readonly isPart?: boolean;
  /** Told where locks are the only reason to refuse. */
  readonly onLocked?: ((stacks: readonly string[]) => void) | undefined;
}

/** Looks at everything, prints each check, and refuses where one is fatal for the command. */
export async function preflight(
  context: Context,
  file: OpenedFile,
  aws: OpenedSession,
  request: PreflightRequest,
  emit: Emit,
): Promise<OpenedState> {
  const { network, graph, target } = file;
  // A renewable session that is short now is renewed now; where that fails, the check says how short it is.
  if (aws.live.remainingSeconds() < network.spec.session.minimum) await aws.live.renew().catch(() => false);
  const reads = bucketReads(file, aws);
  const { secrets } = network.spec.state;
  const key = parseKmsUrl(secrets);
  const askKey = () => (key === undefined ? undefined : tryKey(key, target, network.spec.region, aws.session()));
  const [identity, zones, bucketFacts, properties, passphrase, triedKey] = await Promise.all([
    lookAtIdentity(aws.clients, context.now),
    lookAtZones(aws.clients),
    lookAtBucket(reads),
    lookAtProperties(reads),
    lookAtPassphrase(context),
    request.command === 'plan' ? undefined : askKey(),
  ]);
  const installation =
    bucketFacts.ok && bucketFacts.value.installation !== undefined ? readInstallation(bucketFacts.value.installation) : undefined;
  if (installation?.ok === false) throw new Refusal(exitCodes.preflightRefused, ...installation.problems);
  const clockSkewSeconds = identity.ok ? identity.value.clockSkewSeconds : undefined;
  const state = await readState(context, aws, network, bucketFacts.ok, emit, (states) => refuseEarlierKinds(context, states));
  const { states, unreadable, standings } = state;
  const durations = durationsOf(standings);
  // A plan opens only what is encrypted: the role for it has no key, and the states are seldom a reason for one.
  const unopened = request.command === 'plan' && ![...states.values()].some(({ body }) => holdsSecrets(body));
  const keyTried = triedKey ?? (unopened ? undefined : await askKey());
  const { selected } = request;
  const locked = [...standings.byStack].flatMap(([stack, standing]) =>
    selected.has(stack) && standing.kind === 'locked' ? [[stack, standing] as const] : [],
  );
  const facts: PreflightFacts = {
    network,
    bucket: aws.bucket,
    target: target.kind,
    now: context.now(),
    sessionSource: aws.session().source,
    expiry: usableUntil(aws.session()),
    renewable: aws.session().renew !== undefined,
    forecastSeconds: criticalPathSeconds(
      graph.nodes.filter(({ name }) => selected.has(name)),
      durations,
    ),
    identity,
    zones,
    existing:
      installation === undefined ? 'states-unread' : await lookAtExisting(file, aws, request, state, installation.value.installation),
    quotas: installation === undefined ? 'states-unread' : await lookAtOwnQuotas(file, aws, request, state),
    bucketFacts,
    properties,
    secrets: {
      configured: secrets,
      passphrase,
      key: keyTried,
      unopened,
      stacks: [...states.values()].map(({ short, body }) => ({
        short,
        provider: recordedSecrets(body)?.provider,
        holdsSecrets: holdsSecrets(body),
      })),
    },
    locks: locked.map(([, { message }]) => message),
    // A recovery is about them: it tells of each in its turn.
    held:
      request.command === 'recover'
        ? 'told-one-by-one'
        : [...standings.byStack].flatMap(([stack, standing]) =>
            standing.kind === 'held'
              ? [describeHeld(shortOf(stack), standing)]
              : standing.kind === 'frozen' && selected.has(stack)
                ? [standing.message]
                : [],
          ),
    unreadable,
    unreadableRecords: standings.unreadable,
    missingUpstreams:
      request.command === 'destroy' || request.isPart === true
        ? 'not-needed'
        : [
            ...new Set(
              graph.nodes
                .filter(({ name }) => selected.has(name))
                .flatMap((node) => lackingUpstreams(node, state))
                // What cannot be read is told by itself, and its readers are left out.
                .filter((upstream) => !selected.has(upstream) && !unreadable.some(({ stack }) => stack === upstream)),
            ),
          ],
    cli: request.cli,
    plugin: request.plugin,
    users:
      target.kind === 'LAB'
        ? 'not-needed'
        : request.sharedMachine || context.env['HOLDFAST_SHARED_MACHINE'] === '1'
          ? 'accepted'
          : await lookAtOtherUsers(),
    runbookReviewed: await lastReview(context.root),
  };
  const results = await runChecks(checks, facts, request.command, (check) =>
    emit({ type: 'check', check, listed: request.command === 'preflight' }),
  );
  const fatal = results.flatMap(({ id, exitCode }) => (exitCode === undefined ? [] : [{ id, exitCode }]));
  if (fatal.length > 0 && fatal.every(({ id }) => id === 'locks')) request.onLocked?.(locked.map(([stack]) => stack));
  if (fatal.length > 0) throw new Refusal(worstOf(fatal.map(({ exitCode }) => exitCode)));
  const remaining = aws.live.remainingSeconds();
  emit({
    type: 'checked',
    checks: results.length,
    warnings: results.filter(({ outcome }) => outcome === 'warn').length,
    notChecked: results.filter(({ outcome }) => outcome === 'not-checked').length,
    session: Number.isFinite(remaining) ? `${formatSeconds(remaining)} left of the session` : 'a session without end',
  });
  return {
    ...state,
    durations,
    settings: programSettings(file, installation?.value.installation ?? ''),
    clockSkewSeconds,
  };
}

/** Names in the network file of the VPCs that are to be made. Of a stack that is held a VPC may be there already, and it is left out. */
const newVpcs = ({ graph }: OpenedFile, { selected }: PreflightRequest, { states, standings }: BucketState): string[] =>
  graph.nodes.flatMap(({ name }) => {
    const { kind, instance = '' } = parseStackName(name) ?? {};
    const isMade = kind === 'vpc' && selected.has(name) && !states.has(name) && standings.byStack.get(name)?.kind !== 'held';
    return isMade ? [instance] : [];
  });

/** Asked of the account where the network comes to more than every account may have. */
async function lookAtOwnQuotas(
  file: OpenedFile,
  { clients }: OpenedSession,
  request: PreflightRequest,
  state: BucketState,
): Promise<PreflightFacts['quotas']> {
  if (request.command !== 'up' && request.command !== 'plan' && request.command !== 'preflight') return 'nothing-to-make';
  const made = newVpcs(file, request, state).length;
  const there = made === 0 ? undefined : await countVpcs(clients);
  const needs = needsOf(file.network.spec);
  const answers = await lookAtQuotas(clients, there?.ok === true ? [{ quota: 'vpcs', count: there.value + made }, ...needs] : needs);
  return { answers, ...(there?.ok === false ? { uncounted: there } : {}) };
}

/** Asked only by what makes VPCs, where one is to be made: what is deployed has its blocks. */
async function lookAtExisting(
  file: OpenedFile,
  aws: OpenedSession,
  request: PreflightRequest,
  state: BucketState,
  installation: string,
): Promise<PreflightFacts['existing']> {
  const { command, besideExisting = false } = request;
  const blocks = newVpcs(file, request, state).map((vpc) => file.network.spec.vpcs[vpc]?.cidr ?? '');
  if (blocks.length === 0 || (command !== 'up' && command !== 'preflight')) return 'nothing-to-make';
  return besideExisting ? 'accepted' : lookAtExistingVpcs(aws.clients, blocks, installation);
}

/** Stacks that this one reads and that do not have what it reads: they were never deployed, or not to the end. Of one that is another's to end no deploy is due. */
function lackingUpstreams({ upstreams, references }: StackNode, { states, standings }: BucketState): string[] {
  const lacks = (upstream: string): boolean => {
    const has = outputDigests(states.get(upstream)?.outputs ?? {});
    return references.some(({ stack, outputs }) => stack === upstream && namesOf(outputs).some((name) => !(name in has)));
  };
  const isAnothers = (upstream: string): boolean => ['locked', 'held', 'frozen'].includes(standings.byStack.get(upstream)?.kind ?? 'free');
  return upstreams.filter((upstream) => (states.get(upstream)?.empty ?? true) || (lacks(upstream) && !isAnothers(upstream)));
}

/** Seconds that each stack took last, where that is known. */
function durationsOf({ records }: Standings): ReadonlyMap<string, number> {
  const durations = new Map<string, number>();
  for (const [stack, { record }] of records)
    if (record.verified.kind === 'at' && record.verified.seconds !== undefined) durations.set(stack, record.verified.seconds);
  return durations;
}

/** The state bucket, as the network file has it: in the network's own account. */
export function bucketReads({ network }: OpenedFile, aws: OpenedSession): BucketReads {
  const { account, region } = network.spec;
  return new BucketReads({ s3: aws.clients.s3, bucket: aws.bucket, owner: account, region });
}

/**
 * Everything that the bucket says of the network; empty where there is no bucket to ask. Puts back the locks of held stacks that were removed by hand.
 * @param refuse throws where nothing is to be done over these states, before anything is
 */
export async function readState(
  context: Context,
  aws: OpenedSession,
  network: Network,
  reachable: boolean,
  emit: Emit,
  refuse: (states: ReadonlyMap<string, StackState>) => void = () => undefined,
): Promise<BucketState> {
  if (!reachable) return { states: new Map(), unreadable: [], standings: noStandings };
  const name = network.spec.network;
  await refuseOldLayout(aws.store, name);
  const { states, unreadable } = await readStates(aws.store, name, network.spec);
  refuse(states);
  const read = () => standingsOf(context, aws, name, states);
  let standings = await read();
  const restored = await restoreLocks(tidyRequest(context, aws, name, standings, emit)).catch((cause: unknown) => {
    emit({ type: 'note', message: `The lock of a held stack is gone, and could not be put back: ${messageOf(cause)}` });
    return false;
  });
  if (restored) standings = await read();
  return { states, unreadable, standings };
}

/** What a Holdfast without stack records left says who may write, in objects that this one does not read. */
async function refuseOldLayout(store: ObjectStore, network: string): Promise<void> {
  const folders = await store.folders('.holdfast/');
  const old = oldLayoutPrefixes(network).filter((prefix) => folders.includes(prefix.split('/')[1] ?? ''));
  const found = (await Promise.all(old.map((prefix) => store.list(prefix)))).flat();
  const [first] = found;
  if (first === undefined) return;
  throw new Refusal(exitCodes.preflightRefused, oldLayout(first.key));
}

/** Also of stacks that the network file does not have any more. */
function refuseEarlierKinds(context: Context, states: ReadonlyMap<string, StackState>): void {
  const earlier = new Map(kindsOf(context).map((kind) => [kind.kind, kind.earlier ?? []]));
  const found = earlierStacks(states.values(), (kind) => earlier.get(kind) ?? []);
  if (found.length > 0) throw new Refusal(exitCodes.preflightRefused, earlierKinds(found));
}

export function standingsOf(
  context: Context,
  aws: OpenedSession,
  network: string,
  states: ReadonlyMap<string, StackState>,
  only?: readonly string[],
): Promise<Standings> {
  const { store } = aws;
  // A process is heard of by the bucket's clock: one of ours that is ahead would take it for quiet.
  const now = (): number => store.answeredAt ?? context.now();
  return readStandings({ store, network, states, ...(only ? { only } : {}), ...observerOf(aws), now });
}

/** This process, as one that looks at others. */
export const observerOf = ({ process: { machine, user } }: OpenedSession): Observer => ({
  machine,
  user,
  lookAt: ({ pid }) => lookAt(pid),
});

export function tidyRequest(context: Context, aws: OpenedSession, network: string, standings: Standings, emit: Emit): TidyRequest {
  return {
    store: aws.store,
    network,
    lockRecord: (stack) => aws.lockRecord(stack, 'recover'),
    standings,
    now: context.now,
    onNote: (message) => emit({ type: 'note', message }),
  };
}

const noStandings: Standings = {
  byStack: new Map(),
  locks: [],
  records: new Map(),
  heard: new Map(),
  readAt: 0,
  liveness: () => unknownLiveness,
  unreadable: [],
  strays: noStrays,
};

/** Where the engine finds the state of this network. */
export function backendUrl({ target }: OpenedFile, aws: OpenedSession, region: string): string {
  const at =
    target.kind === 'LAB'
      ? ({ kind: 'LAB', endpoint: target.lab.endpoint } as const)
      : ({ kind: 'REAL', endpoint: target.endpoints.s3 } as const);
  return stateUrl(at, aws.bucket, region);
}

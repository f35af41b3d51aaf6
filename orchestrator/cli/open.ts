import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { lookAtBucket, lookAtIdentity, lookAtZones } from '../aws/account.ts';
import { Bucket } from '../aws/bucket.ts';
import { engineCredentials, openClients, stateUrl } from '../aws/clients.ts';
import type { Clients } from '../aws/clients.ts';
import { openSession } from '../aws/session.ts';
import type { Session } from '../aws/session.ts';
import { resolveTarget } from '../aws/target.ts';
import type { Target } from '../aws/target.ts';
import { formatSeconds } from '../domain/duration.ts';
import { exitCodes, worstOf } from '../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../domain/problem.ts';
import { buildGraph } from '../graph/graph.ts';
import type { Graph } from '../graph/graph.ts';
import { describeLock, standingLocks } from '../locks/run-locks.ts';
import type { LockOwner } from '../locks/run-locks.ts';
import { engineLocks } from '../locks/engine-locks.ts';
import type { Network } from '../network/read-network.ts';
import { bucketOf } from '../network/spec.ts';
import { runChecks } from '../preflight/check.ts';
import type { Command } from '../preflight/check.ts';
import { checks } from '../preflight/checks.ts';
import type { PreflightFacts } from '../preflight/checks.ts';
import type { ProgramSettings } from '../pulumi/program.ts';
import type { LiveSession } from '../run/apply.ts';
import type { Emit } from '../run/events.ts';
import { readStates } from '../state/checkpoints.ts';
import type { StackState, UnreadableState } from '../state/checkpoints.ts';
import { criticalPathSeconds, lastDurations } from '../state/durations.ts';
import { project } from '../state/layout.ts';
import { readInstallation } from '../state/installation.ts';
import { kinds } from '../../stacks/index.ts';
import { chooseNetwork } from './choose-network.ts';
import type { CommonFlags, Context } from './context.ts';

/** A network file that was read and checked, and its graph: all that needs nothing but the file. */
export interface OpenedFile {
  readonly network: Network;
  readonly graph: Graph;
  readonly target: Target;
}

export async function openFile(context: Context, flags: CommonFlags, command: string, emit: Emit): Promise<OpenedFile> {
  const { network, lab } = await chooseNetwork(context, flags.network);
  const graph = orRefuse(buildGraph(network.spec, kinds), exitCodes.usage);
  const target = orRefuse(resolveTarget(network.spec.account, lab, context.env), exitCodes.preflightRefused);
  emit({
    type: 'target',
    command,
    network: network.spec.network,
    file: network.file,
    account: network.spec.account,
    region: network.spec.region,
    target: target.kind,
  });
  return { network, graph, target };
}

/** A session and the clients that use it. */
export interface OpenedSession {
  readonly run: string;
  readonly session: () => Session;
  readonly clients: Clients;
  readonly store: Bucket;
  readonly bucket: string;
  readonly live: LiveSession;
  readonly owner: (operation: string) => LockOwner;
}

export async function openAws(context: Context, { network, target }: OpenedFile, sessionExpires?: Date): Promise<OpenedSession> {
  const { region } = network.spec;
  const run = runId(context.now());
  let current = orRefuse(
    await openSession({
      target,
      region,
      env: context.env,
      sessionName: `holdfast-${run}`,
      ...(sessionExpires === undefined ? {} : { statedExpiry: sessionExpires }),
    }),
    exitCodes.preflightRefused,
  );
  const clients = openClients(target, region, () => current);
  const bucket = bucketOf(network.spec);
  return {
    run,
    session: () => current,
    clients,
    bucket,
    store: new Bucket(clients.s3, bucket),
    live: {
      remainingSeconds: () =>
        current.expiry instanceof Date ? (current.expiry.getTime() - context.now()) / 1000 : Number.POSITIVE_INFINITY,
      renew: async () => {
        const renewed = await current.renew?.();
        if (!renewed?.ok) return false;
        current = renewed.value;
        return true;
      },
      environment: () => ({
        ...engineCredentials(target, region, current),
        ...passphrase(context),
      }),
    },
    owner: (operation) => ({
      run,
      operation,
      user: userInfo().username,
      host: hostname(),
      pid: process.pid,
      accessKeyId: current.credentials.accessKeyId,
      session: `holdfast-${run}`,
      expires: current.expiry instanceof Date ? current.expiry.toISOString() : current.expiry,
      ...ciLink(context.env),
      startedAt: new Date(context.now()).toISOString(),
    }),
  };
}

/** Sorts by time, and is unique where two start in the same second. */
function runId(now: number): string {
  return `${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(4).toString('hex')}`;
}

/** The stacks hold no secrets, and Pulumi wants a passphrase all the same. */
function passphrase({ env }: Context): Record<string, string> {
  return env['PULUMI_CONFIG_PASSPHRASE'] === undefined && env['PULUMI_CONFIG_PASSPHRASE_FILE'] === undefined
    ? { PULUMI_CONFIG_PASSPHRASE: '' }
    : {};
}

/** A link to the job, where a CI says what it needs. https://docs.github.com/actions/reference/variables-reference, https://docs.gitlab.com/ci/variables/predefined_variables */
function ciLink(env: Context['env']): { ciLink?: string } {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id, CI_JOB_URL: job } = env;
  const link = server && repository && id ? `${server}/${repository}/actions/runs/${id}` : job;
  return link === undefined ? {} : { ciLink: link };
}

/** What the bucket says of the network. */
export interface OpenedState {
  readonly states: ReadonlyMap<string, StackState>;
  readonly unreadable: readonly UnreadableState[];
  readonly locks: ReadonlyMap<string, string>;
  readonly durations: ReadonlyMap<string, number>;
  readonly settings: ProgramSettings;
}

export interface PreflightRequest {
  readonly command: Command;
  readonly selected: ReadonlySet<string>;
  readonly cli: string;
  readonly plugin: string;
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
  const [identity, zones, bucketFacts] = await Promise.all([
    lookAtIdentity(aws.clients, context.now),
    lookAtZones(aws.clients),
    lookAtBucket(aws.clients, aws.bucket),
  ]);
  const installation =
    bucketFacts.ok && bucketFacts.value.installation !== undefined ? readInstallation(bucketFacts.value.installation) : undefined;
  if (installation?.ok === false) throw new Refusal(exitCodes.preflightRefused, ...installation.problems);
  const state = await readState(aws, network, bucketFacts.ok);
  const { states, unreadable, locks, durations } = state;
  const { selected } = request;
  const facts: PreflightFacts = {
    network,
    bucket: aws.bucket,
    target: target.kind,
    now: context.now(),
    sessionSource: aws.session().source,
    expiry: aws.session().expiry,
    renewable: aws.session().renew !== undefined,
    forecastSeconds: criticalPathSeconds(
      graph.nodes.filter(({ name }) => selected.has(name)),
      durations,
    ),
    identity,
    zones,
    bucketFacts,
    locks: [...locks].filter(([stack]) => selected.has(stack)).map(([, description]) => description),
    held: heldStacks(graph, states, selected)
      .filter(({ stack }) => !locks.has(stack))
      .map(describeHeld),
    unreadable: unreadable.map(({ key, detail }) => `${key}: ${detail}`),
    missingUpstreams:
      request.command === 'destroy'
        ? []
        : [
            ...new Set(
              graph.nodes
                .filter(({ name }) => selected.has(name))
                .flatMap(({ upstreams }) => upstreams)
                .filter((upstream) => !selected.has(upstream) && (states.get(upstream)?.empty ?? true)),
            ),
          ],
    cli: request.cli,
    plugin: request.plugin,
  };
  const results = await runChecks(checks, facts, request.command, (check) =>
    emit({ type: 'check', check, listed: request.command === 'preflight' }),
  );
  const fatal = results.flatMap(({ exitCode }) => exitCode ?? []);
  if (fatal.length > 0) throw new Refusal(worstOf(fatal));
  const remaining = aws.live.remainingSeconds();
  emit({
    type: 'checked',
    checks: results.length,
    warnings: results.filter(({ outcome }) => outcome === 'warn').length,
    session: Number.isFinite(remaining) ? `${formatSeconds(remaining)} left of the session` : 'a session without end',
  });
  return {
    ...state,
    settings: {
      project,
      network: network.spec.network,
      account: network.spec.account,
      region: network.spec.region,
      installation: installation?.value.installation ?? '',
      tags: network.spec.defaults.tags,
    },
  };
}

/** Everything that the bucket says of the network; empty where there is no bucket to ask. */
export async function readState(aws: OpenedSession, network: Network, reachable: boolean): Promise<Omit<OpenedState, 'settings'>> {
  if (!reachable) return { states: new Map(), unreadable: [], locks: new Map(), durations: new Map() };
  const name = network.spec.network;
  const [{ states, unreadable }, durations, ours, engines] = await Promise.all([
    readStates(aws.store, name),
    lastDurations(aws.store, name),
    standingLocks(aws.store, name),
    engineLocks(aws.store, name),
  ]);
  // A stack that we lock is also locked by the engine that works for us: ours says more.
  const locks = new Map([
    ...engines.map(({ stack, description }): [string, string] => [stack, description]),
    ...ours.map((lock): [string, string] => [lock.stack, describeLock(lock)]),
  ]);
  return { states, unreadable, locks, durations };
}

/** A checkpoint with pending operations, and nobody at work on it, is one whose last run did not see how they ended. */
function heldStacks(graph: Graph, states: ReadonlyMap<string, StackState>, selected: ReadonlySet<string>): StackState[] {
  const upstreams = graph.nodes.filter(({ name }) => selected.has(name)).flatMap((node) => node.upstreams);
  return [...new Set([...selected, ...upstreams])].flatMap((name) => {
    const state = states.get(name);
    return state === undefined || state.pendingOperations.length === 0 ? [] : [state];
  });
}

export function describeHeld(state: StackState): string {
  const operations = state.pendingOperations.map(({ type, urn }) => `${type} ${urn.split('::').at(-1) ?? urn}`);
  return `HELD ${state.short}: outcome unknown of ${operations.join(', ')} since ${state.modified.toISOString()}`;
}

/** Where the engine finds the state of this network. */
export function backendUrl({ target }: OpenedFile, aws: OpenedSession, region: string): string {
  return stateUrl(target.kind === 'LAB' ? { kind: 'LAB', endpoint: target.lab.endpoint } : target, aws.bucket, region);
}

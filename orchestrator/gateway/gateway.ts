import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Trusted } from '../state/checkpoint-trust.ts';
import { noSuchBucket, refusal } from './answer.ts';
import type { Answer } from './answer.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { isFromProgram } from './loopback-request.ts';
import { StackMount } from './mount.ts';
import type { Mount, MountRequest } from './mount.ts';
import { targetOf } from './s3-request.ts';
import { UnnamedConnections } from './unnamed.ts';

export type { Fence } from './fence.ts';
export type { Mount, MountReport, MountRequest, ServedCheckpoint, ServedLock } from './mount.ts';
export type { MountMode, Trouble } from './own-checkpoint.ts';

/**
 * A small S3 front on loopback, between the Pulumi CLI and the state bucket. The CLI needs no credentials for it, and cannot write anything but
 * the stack that its mount is of. It lives in the orchestrator's process and dies with it: an engine without its orchestrator cannot write its
 * intent for the next step, and stops.
 */
export interface Gateway {
  /**
   * A view of the bucket for one engine's work on one stack; its name is a secret of 128 bits.
   * @throws DistrustedCheckpoint where a checkpoint names anything that Holdfast's own programs do not: the engine would do what it says
   */
  mount(request: MountRequest): Mount;
  /** Closes every mount, then the server with all its connections. */
  close(): Promise<void>;
}

/** Connections that have not named a mount yet, for each mount and besides: an HTTP client opens a few before it needs them. */
const unnamedPerMount = 8;
const unnamedBesides = 32;
const namingMs = 10_000;

/**
 * @param trusted what the checkpoints of the network may name
 * @param clock other than the machine's in tests
 */
export async function openGateway(trusted: Trusted, clock: Clock = systemClock): Promise<Gateway> {
  const mounts = new Map<StackMount, Buffer>();
  const unnamed = new UnnamedConnections({ most: () => unnamedBesides + unnamedPerMount * mounts.size, namingMs });
  const server = createServer((request, response) => void respond({ mounts, unnamed }, request, response));
  server.on('connection', (socket) => unnamed.accept(socket));
  // Longer than the engine's client keeps a connection (90 s): the server never closes one that a request is just being sent on.
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    mount: (request) => {
      const name = randomBytes(16).toString('hex');
      const mount = new StackMount(name, port, request, trusted, clock, () => mounts.delete(mount));
      mounts.set(mount, sha256(name));
      return mount;
    },
    close: async () => {
      await Promise.all([...mounts.keys()].map((mount) => mount.close()));
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Front {
  readonly mounts: ReadonlyMap<StackMount, Buffer>;
  readonly unnamed: UnnamedConnections;
}

async function respond(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A client that goes away in mid-answer is its own affair.
  response.on('error', () => undefined);
  const failed = { isNamed: false, answer: refusal(500, 'InternalError', 'The front failed at this request.') };
  const { isNamed, answer } = await answerTo(front, request).catch(() => failed);
  if (response.destroyed) return;
  const body = request.method === 'HEAD' ? '' : answer.body;
  // Read to its end, the connection serves the next request. Of a client that names no mount nothing more is read.
  if (isNamed) request.resume();
  else response.shouldKeepAlive = false;
  response.writeHead(answer.status, { 'content-length': Buffer.byteLength(answer.body), ...answer.headers });
  response.end(body, isNamed ? undefined : () => request.socket.destroy());
}

async function answerTo(
  { mounts, unnamed }: Front,
  request: IncomingMessage,
): Promise<{ readonly isNamed: boolean; readonly answer: Answer }> {
  if (!isFromProgram(request)) return { isNamed: false, answer: noSuchBucket() };
  const target = targetOf(request.url ?? '');
  const name = sha256(target.bucket);
  // Compares with all of them, each in constant time: how long it takes says nothing of a name.
  let named: StackMount | undefined;
  for (const [mount, hash] of mounts) if (timingSafeEqual(hash, name)) named = mount;
  if (named === undefined) return { isNamed: false, answer: noSuchBucket() };
  unnamed.named(request.socket);
  return { isNamed: true, answer: await named.serve(request, target) };
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

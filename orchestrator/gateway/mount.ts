import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { escapeXml, noSuchBucket, noSuchKey, refusal, xml } from './answer.ts';
import type { Answer } from './answer.ts';
import { crc32Of, digestOf, maxBodyBytes, readBody } from './body.ts';
import type { Clock } from './clock.ts';
import { Fencing } from './fence.ts';
import type { Fence } from './fence.ts';
import { keysOf, metaKey, roleOf } from './keys.ts';
import type { KeyRole, StackKeys } from './keys.ts';
import { listing } from './listing.ts';
import type { Listed } from './listing.ts';
import { OwnCheckpoint } from './own-checkpoint.ts';
import type { Held, MountMode } from './own-checkpoint.ts';
import { referredTo } from './referred-to.ts';
import { operationOf } from './s3-request.ts';
import type { Operation, Target } from './s3-request.ts';
import { messageOf } from '../domain/problem.ts';
import { distrust, DistrustedCheckpoint } from '../state/checkpoint-trust.ts';
import type { Trusted } from '../state/checkpoint-trust.ts';
import { checkpointKey, durableLockKey, project } from '../state/layout.ts';

/** A checkpoint that the engine may read. */
export interface ServedCheckpoint {
  readonly body: string;
  readonly etag: string;
  /** By the bucket's clock; by this machine's where the engine has just written it. */
  readonly modified: Date;
}

export interface MountRequest {
  /** Full name, as `example.vpc.shared`. */
  readonly stack: string;
  /** The stack's own, absent where it does not exist yet, and those of its upstreams, by full name: read by the run before, and pinned for the mount's life. */
  readonly checkpoints: ReadonlyMap<string, ServedCheckpoint>;
  readonly mode: MountMode;
  /**
   * Where the stack has no checkpoint the engine is shown one without resources, so that it need not be started once more to make the stack. It is
   * nowhere but here: the first one that the engine writes is created in the bucket.
   */
  readonly showEmpty?: boolean;
  /** A durable lock that the engine is shown, and may end: by `pulumi cancel`, and in no other mount. */
  readonly lock?: ServedLock;
}

/** The one lock that a cancel through the mount ends. */
export interface ServedLock {
  readonly body: string;
  /**
   * Deletes exactly this lock in the bucket.
   * @returns why it was not done; undefined where it was
   * @throws what the bucket throws
   */
  readonly release: () => Promise<string | undefined>;
}

export interface MountReport {
  /** The last that is known to be in the bucket (in overlay mode: in memory); undefined where there is none. */
  readonly checkpoint: ServedCheckpoint | undefined;
  /**
   * Whether a checkpoint with pending operations was asked to be written: the engine writes one before each step, so where it is false no step
   * ever began.
   */
  readonly intended: boolean;
  /** False where the engine asked for a checkpoint, or for its removal, that is not known to be in the bucket. */
  readonly durable: boolean;
  readonly fence: Fence | undefined;
  /** File with the last checkpoint that could not be written. */
  readonly spool: string | undefined;
  /** SHA-256 of that. */
  readonly spoolDigest?: string | undefined;
  /** What the engine asked for, and what went on to the bucket. */
  readonly requests: { readonly engine: number; readonly bucket: number };
}

/** The engine's view of the bucket, for its work on one stack. */
export interface Mount {
  /** Backend URL for the engine. It is a secret: who knows it may write the stack's checkpoint. */
  readonly url: string;
  /** From here on the engine is refused, in what it writes and reads; what it has under way ends as not durable. The first reason stays. */
  fence(fence: Fence): void;
  /** Aborted when the mount was fenced, by itself or from outside; `reason` is the Fence. */
  readonly fenced: AbortSignal;
  report(): MountReport;
  /**
   * Refuses what comes after, waits for the writes under way, and says where it stands. It may take the mode's patience, as a record in the
   * bucket is worth the wait; a `fence` cuts it short.
   */
  close(): Promise<MountReport>;
  /**
   * Takes what the engine wrote beside the checkpoint (the one before, history, backups) to Pulumi's own places in the bucket, and removes
   * there what goes with a removed stack. For a verified end, under the run's lock. May be called again after an error.
   * @throws what the bucket throws
   */
  keep(): Promise<void>;
}

interface Private extends Held {
  /** Of its write to the bucket. */
  readonly write: string;
  kept: boolean;
}

interface Upload {
  readonly key: string;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>;
  /** Of the completion, so that one that is asked for twice happens once. */
  answer?: Promise<Answer>;
}

export class StackMount implements Mount {
  readonly url: string;
  readonly #name: string;
  readonly #onOver: () => void;
  readonly #stack: string;
  readonly #keys: StackKeys;
  readonly #mode: MountMode;
  readonly #clock: Clock;
  readonly #fencing = new Fencing();
  readonly #own: OwnCheckpoint;
  /** What the engine sees of its stack until it has written it. */
  readonly #empty: Held | undefined;
  readonly #pinned = new Map<string, Held>();
  #lock: { readonly key: string; readonly held: Held; readonly release: ServedLock['release'] } | undefined;
  readonly #private = new Map<string, Private>();
  readonly #uploads = new Map<string, Upload>();
  #engineRequests = 0;
  #keepRequests = 0;
  #removalsKept = false;

  /**
   * @param trusted what the checkpoints may name that the engine is shown
   * @param onOver told when nothing is asked of it any more that could matter: it is thrown away, or kept whole
   * @throws DistrustedCheckpoint where one of them names anything else: without the mount's address no engine can be started over it
   */
  constructor(name: string, port: number, request: MountRequest, trusted: Trusted, clock: Clock, onOver: () => void) {
    for (const [stack, { body }] of request.checkpoints) {
      const found = distrust(body, stack, trusted);
      if (found.length > 0) throw new DistrustedCheckpoint(stack, found);
    }
    const query = new URLSearchParams({
      endpoint: `http://127.0.0.1:${port}`,
      s3ForcePathStyle: 'true',
      region: 'us-east-1',
      // No credentials: the name is the one that counts.
      anonymous: 'true',
      // Else the CLI sends no checksums to an endpoint that is not AWS's.
      request_checksum_calculation: 'when_supported',
    });
    this.url = `s3://${name}?${query.toString()}`;
    this.#name = name;
    this.#onOver = onOver;
    this.#stack = request.stack;
    this.#keys = keysOf(request.stack);
    this.#mode = request.mode;
    this.#clock = clock;
    const { [request.stack]: own, ...upstreams } = Object.fromEntries(request.checkpoints);
    this.#own = new OwnCheckpoint(request.stack, request.mode, trusted, own && heldOf(own), this.#fencing, clock);
    if (request.showEmpty === true && !own) this.#empty = this.#held(emptyCheckpoint(request.stack));
    for (const [stack, checkpoint] of Object.entries(upstreams)) this.#pinned.set(checkpointKey(stack), heldOf(checkpoint, referredTo));
    if (request.lock) {
      const held = this.#held(Buffer.from(request.lock.body));
      this.#lock = { key: durableLockKey(request.stack), held, release: request.lock.release };
    }
    // Without it the CLI looks for stacks in the layout of before projects.
    this.#set(metaKey, Buffer.from('version: 1\n'));
  }

  get fenced(): AbortSignal {
    return this.#fencing.fenced;
  }

  fence(fence: Fence): void {
    this.#fencing.raise(fence);
  }

  report(): MountReport {
    const held = this.#own.held;
    return {
      checkpoint: held && servedOf(held),
      intended: this.#own.intended,
      durable: this.#own.durable,
      fence: this.#fencing.fence,
      spool: this.#own.spooled,
      spoolDigest: this.#own.spoolDigest,
      requests: { engine: this.#engineRequests, bucket: this.#own.bucketRequests + this.#keepRequests },
    };
  }

  async close(): Promise<MountReport> {
    this.#fencing.raise({ kind: 'closed', message: `the work on ${this.#stack} is over` });
    await this.#own.idle();
    this.#pinned.clear();
    this.#uploads.clear();
    if (this.#mode.kind === 'overlay') {
      this.#private.clear();
      this.#onOver();
    }
    return this.report();
  }

  async keep(): Promise<void> {
    const { fence } = this.#fencing;
    if (this.#mode.kind === 'overlay') throw new Error(`an overlay of ${this.#stack} is not kept`);
    if (fence && fence.kind !== 'closed') throw new Error(`the mount of ${this.#stack} is fenced: ${fence.message}`);
    const { store, beforeWrite } = this.#mode;
    for (const [key, held] of this.#private) {
      const role = roleOf(key, this.#keys);
      if (held.kept || !(role === 'previous' || role === 'history' || role === 'backup')) continue;
      await beforeWrite?.();
      if (this.#fencing.isStopped()) throw new Error(`the mount of ${this.#stack} is fenced: ${this.#fencing.fence?.message ?? ''}`);
      this.#keepRequests += 1;
      await store.put(key, held.bytes, { only: role === 'previous' ? 'always' : 'if-absent' }, held.write);
      held.kept = true;
    }
    if (this.#own.removed && !this.#removalsKept) {
      await this.#keepRemovals();
      this.#removalsKept = true;
    }
    // Before its end it may be kept once more.
    if (fence) this.#onOver();
  }

  /** The engine removed the stack, and with it what it saw of its history; the rest of it was never in this mount. */
  async #keepRemovals(): Promise<void> {
    if (this.#mode.kind === 'overlay') return;
    const { store } = this.#mode;
    const { checkpoint, previous, tags, historyPrefix, backupPrefix } = this.#keys;
    // `pulumi stack rm` leaves the last checkpoint as the one before, and the backups; with --remove-backups it leaves neither.
    const all = !this.#private.has(previous);
    const prefixes = [historyPrefix, tags, ...(all ? [backupPrefix, previous] : [])];
    for (const prefix of prefixes) {
      this.#keepRequests += 1;
      for (const { key, etag } of await store.list(prefix)) {
        if (key === checkpoint || this.#private.has(key) || !(prefix.endsWith('/') || key === prefix)) continue;
        this.#keepRequests += 1;
        await store.remove(key, etag);
      }
    }
  }

  async serve(request: IncomingMessage, target: Target): Promise<Answer> {
    this.#engineRequests += 1;
    const operation = operationOf(request, target);
    switch (operation.kind) {
      case 'malformed':
        return refusal(400, 'InvalidArgument', operation.message);
      case 'unknown':
        return refusal(501, 'NotImplemented', `This front does not implement ${operation.name}.`);
      case 'head-bucket':
        return this.#refusedByFence() ?? { status: 200, headers: {}, body: '' };
      case 'list':
        return this.#refusedByFence() ?? listing(this.#name, this.#listed(), operation.query);
      case 'get':
        return this.#refusedByFence(operation.key) ?? this.#get(operation, request.headers);
      case 'delete':
        return this.#refusedByFence(operation.key) ?? (await this.#delete(operation.key));
      case 'put':
        return await this.#put(operation.key, request);
      case 'copy':
        return this.#refusedByFence() ?? (await this.#copy(operation, request.headers));
      case 'create-upload':
        return this.#createUpload(operation.key);
      case 'upload-part':
        return await this.#uploadPart(operation, request);
      case 'complete-upload':
        return await this.#completeUpload(operation, request);
      case 'abort-upload':
        this.#uploads.delete(operation.upload);
        return noContent;
    }
  }

  get #ownSeen(): Held | undefined {
    return this.#own.held ?? (this.#own.removed ? undefined : this.#empty);
  }

  #find(key: string): Held | undefined {
    if (key === this.#lock?.key) return this.#lock.held;
    return key === this.#keys.checkpoint ? this.#ownSeen : (this.#private.get(key) ?? this.#pinned.get(key));
  }

  *#listed(): Iterable<Listed> {
    const of = (key: string, { bytes, etag, modified }: Held): Listed => ({ key, etag, size: bytes.length, modified });
    if (this.#ownSeen) yield of(this.#keys.checkpoint, this.#ownSeen);
    if (this.#lock) yield of(this.#lock.key, this.#lock.held);
    for (const [key, held] of this.#private) yield of(key, held);
    for (const [key, held] of this.#pinned) yield of(key, held);
  }

  #get({ key, range }: { readonly key: string; readonly range?: string }, asked: IncomingHttpHeaders): Answer {
    const held = this.#find(key);
    if (!held) return noSuchKey();
    const headers = {
      etag: held.etag,
      'last-modified': held.modified.toUTCString(),
      'content-type': key.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      'accept-ranges': 'bytes',
    };
    const part = range === undefined ? undefined : partOf(range, held.bytes.length);
    if (part === undefined) {
      // The engine's client warns about an answer that it cannot verify.
      const summed = asked['x-amz-checksum-mode']?.toString().toUpperCase() === 'ENABLED';
      return { status: 200, headers: { ...headers, ...(summed ? { 'x-amz-checksum-crc32': crc32Of(held.bytes) } : {}) }, body: held.bytes };
    }
    if (part === 'outside') return refusal(416, 'InvalidRange', 'The requested range is not satisfiable.');
    const { first, last } = part;
    return {
      status: 206,
      headers: { ...headers, 'content-range': `bytes ${first}-${last}/${held.bytes.length}` },
      body: held.bytes.subarray(first, last + 1),
    };
  }

  async #put(key: string, request: IncomingMessage): Promise<Answer> {
    const role = roleOf(key, this.#keys);
    const forbidden = this.#forbidden(key, role) ?? (role === 'checkpoint' ? undefined : this.#refusedByFence());
    if (forbidden) return forbidden;
    const body = await readBody(request);
    if (!body.whole) {
      if (role === 'checkpoint') this.#own.missed();
      return body.answer;
    }
    return (await this.#write(key, role, body.bytes, request.headers)).answer;
  }

  async #copy({ key, from }: Extract<Operation, { kind: 'copy' }>, headers: IncomingHttpHeaders): Promise<Answer> {
    const role = roleOf(key, this.#keys);
    const forbidden = this.#forbidden(key, role);
    if (forbidden) return forbidden;
    if (from.bucket !== this.#name) return noSuchBucket();
    const source = this.#find(from.key);
    if (!source) return noSuchKey();
    const written = await this.#write(key, role, source.bytes, headers);
    if (!written.etag) return written.answer;
    const modified = new Date(this.#clock.now()).toISOString();
    return xml(200, `<CopyObjectResult><LastModified>${modified}</LastModified><ETag>${escapeXml(written.etag)}</ETag></CopyObjectResult>`);
  }

  async #delete(key: string): Promise<Answer> {
    const role = roleOf(key, this.#keys);
    switch (role) {
      case 'checkpoint':
        return (await this.#own.remove()) ? noContent : this.#refusedNow();
      case 'other':
        return this.#forbidden(key, role) ?? noContent;
      // There is none: its write is refused.
      case 'compressed':
        return noContent;
      case 'lock':
        if (key === this.#lock?.key) return await this.#release(this.#lock.release);
        this.#private.delete(key);
        return noContent;
      default:
        this.#private.delete(key);
        return noContent;
    }
  }

  /** The engine hears that the lock is gone when it is. */
  async #release(release: ServedLock['release']): Promise<Answer> {
    const why = await release().catch((cause: unknown) => messageOf(cause));
    if (why !== undefined) return refusal(403, 'AccessDenied', `Holdfast refuses: ${why}`);
    this.#lock = undefined;
    return noContent;
  }

  #createUpload(key: string): Answer {
    const role = roleOf(key, this.#keys);
    // Of a checkpoint also after the fence: it is refused when it is whole, and kept aside.
    const forbidden = this.#forbidden(key, role) ?? (role === 'checkpoint' ? undefined : this.#refusedByFence());
    if (forbidden) return forbidden;
    const upload = randomUUID();
    this.#uploads.set(upload, { key, parts: new Map() });
    return xml(
      200,
      `<InitiateMultipartUploadResult><Bucket>${this.#name}</Bucket><Key>${escapeXml(key)}</Key><UploadId>${upload}</UploadId></InitiateMultipartUploadResult>`,
    );
  }

  async #uploadPart(operation: Extract<Operation, { kind: 'upload-part' }>, request: IncomingMessage): Promise<Answer> {
    const upload = this.#uploadOf(operation);
    if (!upload) return noSuchUpload();
    const body = await readBody(request);
    if (!body.whole) return body.answer;
    const others = [...upload.parts].filter(([part]) => part !== operation.part).reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
    if (others + body.bytes.length > maxBodyBytes)
      return refusal(400, 'EntityTooLarge', `The parts are larger than ${maxBodyBytes} bytes.`);
    const etag = md5Etag(body.bytes);
    upload.parts.set(operation.part, { bytes: body.bytes, etag });
    return { status: 200, headers: { etag }, body: '' };
  }

  async #completeUpload(operation: Extract<Operation, { kind: 'complete-upload' }>, request: IncomingMessage): Promise<Answer> {
    const upload = this.#uploadOf(operation);
    if (!upload) return noSuchUpload();
    const body = await readBody(request);
    if (!body.whole) return body.answer;
    upload.answer ??= this.#complete(operation, upload, body.bytes.toString('utf8'), request.headers);
    return await upload.answer;
  }

  async #complete(
    { key, upload: id }: { readonly key: string; readonly upload: string },
    upload: Upload,
    list: string,
    headers: IncomingHttpHeaders,
  ): Promise<Answer> {
    const pieces: Buffer[] = [];
    let last = 0;
    for (const { part, etag } of partsOf(list)) {
      const found = upload.parts.get(part);
      if (found?.etag !== etag) return this.#again(upload, refusal(400, 'InvalidPart', `Part ${part} is not as it was uploaded.`));
      if (part <= last) return this.#again(upload, refusal(400, 'InvalidPartOrder', 'The parts are not in ascending order.'));
      last = part;
      pieces.push(found.bytes);
    }
    if (pieces.length === 0) return this.#again(upload, refusal(400, 'MalformedXML', 'There is no part in the list.'));
    const whole = Buffer.concat(pieces);
    // Held twice until here.
    upload.parts.clear();
    pieces.length = 0;
    const written = await this.#write(key, roleOf(key, this.#keys), whole, headers);
    if (!written.etag) {
      this.#uploads.delete(id);
      return written.answer;
    }
    const etag = escapeXml(written.etag);
    return xml(
      200,
      `<CompleteMultipartUploadResult><Bucket>${this.#name}</Bucket><Key>${escapeXml(key)}</Key><ETag>${etag}</ETag></CompleteMultipartUploadResult>`,
    );
  }

  /** A wrong list does not end the upload. */
  #again(upload: Upload, answer: Answer): Answer {
    delete upload.answer;
    return answer;
  }

  #uploadOf({ key, upload }: { readonly key: string; readonly upload: string }): Upload | undefined {
    const found = this.#uploads.get(upload);
    return found?.key === key ? found : undefined;
  }

  async #write(key: string, role: KeyRole, bytes: Buffer, headers: IncomingHttpHeaders): Promise<Written> {
    const holds = (found: Held | undefined): boolean => conditionHolds(headers, found?.etag);
    if (role !== 'checkpoint') {
      const refusedByFence = this.#refusedByFence();
      if (refusedByFence) return { answer: refusedByFence };
      return holds(this.#find(key)) ? writtenAs(this.#set(key, bytes).etag) : { answer: preconditionFailed() };
    }
    const result = await this.#own.write(bytes, holds);
    switch (result.outcome) {
      case 'written':
        return writtenAs(result.etag);
      case 'refused':
        return { answer: this.#refusedNow() };
      case 'unmet':
        return { answer: preconditionFailed() };
      case 'invalid':
        return { answer: refusal(400, 'InvalidRequest', result.message) };
    }
  }

  #set(key: string, bytes: Buffer): Held {
    const held = { ...this.#held(bytes), write: randomUUID(), kept: false };
    this.#private.set(key, held);
    return held;
  }

  /** As of this moment. */
  #held(bytes: Buffer): Held {
    return { bytes, etag: md5Etag(bytes), modified: new Date(this.#clock.now()) };
  }

  /** What this mount's engine may not write, whatever its state. */
  #forbidden(key: string, role: KeyRole): Answer | undefined {
    if (role === 'other') return refusal(403, 'AccessDenied', `This mount is of stack ${this.#stack}: ${key} is not its to write.`);
    if (role !== 'compressed') return undefined;
    this.#own.missed();
    const off = 'turn compression off (PULUMI_DIY_BACKEND_GZIP, PULUMI_DIY_BACKEND_ZSTD, PULUMI_SELF_MANAGED_STATE_GZIP)';
    this.#fencing.raise({
      kind: 'refused-format',
      message: `the engine would write the checkpoint of ${this.#stack} compressed, which Holdfast does not support: ${off}`,
    });
    return this.#refusedNow();
  }

  /** @param key where the fence lets the engine take its own lock away: it is nobody else's business, and an engine that ends cleanly says less */
  #refusedByFence(key?: string): Answer | undefined {
    if (!this.#fencing.fence || (key !== undefined && roleOf(key, this.#keys) === 'lock')) return undefined;
    return this.#refusedNow();
  }

  /** 403 is what the engine's client does not try again. */
  #refusedNow(): Answer {
    return refusal(403, 'AccessDenied', `Holdfast refuses: ${this.#fencing.fence?.message ?? 'the write was not done'}`);
  }
}

type Written = { readonly answer: Answer; readonly etag?: string };

const writtenAs = (etag: string): Written => ({ answer: { status: 200, headers: { etag }, body: '' }, etag });

const noContent: Answer = { status: 204, headers: {}, body: '' };

const preconditionFailed = (): Answer => refusal(412, 'PreconditionFailed', 'The condition does not hold.');

/** The engine's own conditions, of which it uses none today. */
function conditionHolds({ 'if-none-match': noneMatch, 'if-match': match }: IncomingHttpHeaders, etag: string | undefined): boolean {
  const isMet = (condition: string): boolean => (condition === '*' ? etag !== undefined : condition === etag);
  return !(noneMatch !== undefined && isMet(noneMatch)) && (match === undefined || isMet(match));
}

const noSuchUpload = (): Answer => refusal(404, 'NoSuchUpload', 'The specified upload does not exist.');

/** As `pulumi stack init` writes it, but for what it knows only of itself. */
const emptyCheckpoint = (stack: string): Buffer =>
  Buffer.from(JSON.stringify({ version: 3, checkpoint: { stack: `organization/${project}/${stack}` } }));

const md5Etag = (bytes: Buffer): string => `"${digestOf('md5', bytes, 'hex')}"`;

/**
 * Its bytes are made when they are asked for: an engine reads few of the checkpoints that it may read.
 * @param view of its body, for who reads no more of it
 */
function heldOf({ body, etag, modified }: ServedCheckpoint, view: (body: string) => string = (whole) => whole): Held {
  let bytes: Buffer | undefined;
  return {
    get bytes() {
      return (bytes ??= Buffer.from(view(body)));
    },
    etag,
    modified,
  };
}

function servedOf(held: Held): ServedCheckpoint {
  let body: string | undefined;
  return {
    get body() {
      return (body ??= held.bytes.toString('utf8'));
    },
    etag: held.etag,
    modified: held.modified,
  };
}

/** First and last byte of a Range header; undefined for what is none, which S3 answers with the whole. */
function partOf(range: string, size: number): { readonly first: number; readonly last: number } | 'outside' | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range.trim()) ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== '' && to !== '' && Number(to) < first) return undefined;
  return first >= size || first > last ? 'outside' : { first, last };
}

function* partsOf(list: string): Iterable<{ readonly part: number; readonly etag: string }> {
  for (const [, part = ''] of list.matchAll(/<Part>(.*?)<\/Part>/gs)) {
    const number = /<PartNumber>\s*(\d+)\s*<\/PartNumber>/.exec(part)?.[1] ?? '0';
    const etag = /<ETag>\s*(.*?)\s*<\/ETag>/s.exec(part)?.[1] ?? '';
    yield { part: Number(number), etag: `"${etag.replaceAll(/&quot;|&#34;|"/g, '')}"` };
  }
}

import { createHash } from 'node:crypto';
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { lockFolder } from '../../orchestrator/state/layout.ts';
import { CallFailed } from './world.ts';
import type { Process, World } from './world.ts';

/** S3 as its documentation has it: conditions, listings, versions, whole seconds. The client above it is the real one's shape, tries included. */

export interface Version {
  readonly id: string;
  /** Undefined for a delete marker. */
  readonly body: string | undefined;
  readonly etag: string;
  readonly modifiedMs: number;
  readonly write: string | undefined;
  /** Who wrote it; undefined for what was there before. */
  readonly by: Process | undefined;
}

export interface Change {
  readonly key: string;
  readonly before: Version | undefined;
  readonly after: Version;
}

type Input = Readonly<Record<string, unknown>>;

const textIn = (input: Input, ...names: readonly string[]): string => {
  const found = names.map((name) => input[name]).find((value) => typeof value === 'string');
  return typeof found === 'string' ? found : '';
};

const etagOf = (body: string): string => `"${createHash('md5').update(body).digest('hex')}"`;

const refusal = (status: number, name: string): S3ServiceException =>
  new S3ServiceException({ name, $fault: status < 500 ? 'client' : 'server', message: name, $metadata: { httpStatusCode: status } });

export class BucketModel {
  readonly #world: World;
  /** Newest first. */
  readonly #versions = new Map<string, Version[]>();
  #count = 0;
  readonly changes: Change[] = [];
  onChange: (change: Change) => void = () => undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** Begins where another one stands. */
  continueFrom(other: BucketModel): void {
    for (const [key, versions] of other.#versions)
      this.#versions.set(
        key,
        versions.map((version) => ({ ...version, by: undefined })),
      );
    this.#count = other.#count;
  }

  get(key: string): Version | undefined {
    const latest = this.#versions.get(key)?.[0];
    return latest?.body === undefined ? undefined : latest;
  }

  keys(prefix: string): string[] {
    return [...this.#versions.keys()].filter((key) => key.startsWith(prefix) && this.get(key) !== undefined).sort();
  }

  versionsOf(key: string): readonly Version[] {
    return this.#versions.get(key) ?? [];
  }

  locksOf(stack: string): string[] {
    return this.keys(lockFolder(stack));
  }

  /** Without a condition. */
  put(key: string, body: string, by: Process | undefined, write?: string): Version {
    return this.#add(key, { body, etag: etagOf(body), write, by });
  }

  remove(key: string, by: Process | undefined): void {
    if (this.get(key)) this.#add(key, { body: undefined, etag: '', write: undefined, by });
  }

  #add(key: string, version: Omit<Version, 'id' | 'modifiedMs'>): Version {
    this.#count += 1;
    const added: Version = { ...version, id: `v${this.#count}`, modifiedMs: this.#world.nowMs - (this.#world.nowMs % 1000) };
    const before = this.get(key);
    this.#versions.set(key, [added, ...(this.#versions.get(key) ?? [])]);
    const change = { key, before, after: added };
    this.changes.push(change);
    this.onChange(change);
    return added;
  }

  /** What the service does with one request. */
  serve(name: string, input: Input, by: Process): unknown {
    const key = textIn(input, 'Key');
    const found = this.get(key);
    switch (name) {
      case 'PutObject':
      case 'DeleteObject': {
        const [match, noneMatch] = [input['IfMatch'], input['IfNoneMatch']];
        if (noneMatch === '*' && found) throw refusal(412, 'PreconditionFailed');
        if (match !== undefined && !found) throw refusal(404, 'NoSuchKey');
        if (match !== undefined && match !== found?.etag) throw refusal(412, 'PreconditionFailed');
        if (name === 'DeleteObject') {
          this.remove(key, by);
          return {};
        }
        const body = input['Body'];
        const text = typeof body === 'string' ? body : Buffer.from(body as Uint8Array).toString('utf8');
        return { ETag: this.put(key, text, by, (input['Metadata'] as Record<string, string> | undefined)?.['holdfast-write']).etag };
      }
      case 'GetObject': {
        const id = input['VersionId'];
        const version = id === undefined ? found : this.versionsOf(key).find((each) => each.id === id && each.body !== undefined);
        if (!version) throw refusal(404, 'NoSuchKey');
        return { ETag: version.etag, LastModified: new Date(version.modifiedMs), Body: bodyOf(version.body ?? '') };
      }
      case 'HeadObject':
        if (!found) throw refusal(404, 'NotFound');
        return {
          ETag: found.etag,
          LastModified: new Date(found.modifiedMs),
          Metadata: found.write === undefined ? {} : { 'holdfast-write': found.write },
        };
      case 'ListObjectsV2':
        return this.#list(textIn(input, 'Prefix'), input['Delimiter'] as string | undefined);
      case 'ListObjectVersions':
        return this.#listVersions(textIn(input, 'Prefix'));
      case 'HeadBucket':
        return {};
      case 'GetBucketVersioning':
        return { Status: 'Enabled' };
      case 'GetBucketEncryption':
        return { ServerSideEncryptionConfiguration: { Rules: [{}] } };
      case 'GetPublicAccessBlock':
        return {
          PublicAccessBlockConfiguration: {
            BlockPublicAcls: true,
            BlockPublicPolicy: true,
            IgnorePublicAcls: true,
            RestrictPublicBuckets: true,
          },
        };
      case 'GetBucketLifecycleConfiguration':
        return { Rules: [] };
      case 'GetBucketPolicy':
        throw refusal(404, 'NoSuchBucketPolicy');
      default:
        throw new Error(`the model of the bucket does not know ${name}`);
    }
  }

  #list(prefix: string, delimiter: string | undefined): unknown {
    const contents: unknown[] = [];
    const folders = new Set<string>();
    for (const key of this.keys(prefix)) {
      const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      const found = this.get(key);
      if (cut >= 0) folders.add(key.slice(0, cut + 1));
      else if (found)
        contents.push({ Key: key, ETag: found.etag, Size: found.body?.length ?? 0, LastModified: new Date(found.modifiedMs) });
    }
    return { Contents: contents, CommonPrefixes: [...folders].map((Prefix) => ({ Prefix })), IsTruncated: false };
  }

  #listVersions(prefix: string): unknown {
    const keys = [...this.#versions.keys()].filter((key) => key.startsWith(prefix)).sort();
    const all = keys.flatMap((Key) =>
      this.versionsOf(Key).map((version, index) => ({
        Key,
        VersionId: version.id,
        LastModified: new Date(version.modifiedMs),
        IsLatest: index === 0,
        ...(version.body === undefined ? {} : { ETag: version.etag }),
      })),
    );
    return { Versions: all.filter((each) => 'ETag' in each), DeleteMarkers: all.filter((each) => !('ETag' in each)), IsTruncated: false };
  }
}

const bodyOf = (text: string) => ({
  *[Symbol.iterator]() {
    yield Buffer.from(text);
  },
  destroy: () => undefined,
});

/** One client of the SDK, by its commands: tries again what the SDK tries again. */
export type Send = (command: { readonly input: object; readonly constructor: { readonly name: string } }) => Promise<unknown>;

export const sdkTries = 5;

/** @param attempt one request, on its way and back */
export async function withRetries(world: World, process: Process, attempt: () => Promise<unknown>, most = sdkTries): Promise<unknown> {
  for (let made = 1; ; made += 1) {
    try {
      const answer = await attempt();
      return { ...(answer as object), $metadata: { httpStatusCode: 200, attempts: made } };
    } catch (cause) {
      const isTransient = cause instanceof CallFailed && cause.why !== 'conflict';
      if (isTransient && made < most) {
        await world.sleep(process, 50 * 2 ** made);
        continue;
      }
      if (cause instanceof S3ServiceException) cause.$metadata.attempts = made;
      if (!(cause instanceof CallFailed)) throw cause;
      if (cause.why === 'conflict') throw refusal(409, 'ConditionalRequestConflict');
      if (cause.why === 'unavailable') throw refusal(503, 'ServiceUnavailable');
      throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    }
  }
}

/** @param authenticate throws where the key has ended */
export function bucketClient(world: World, process: Process, bucket: BucketModel, authenticate: () => void): S3Client {
  // Of those that the client is given, the ones that see the answer as it came.
  const seers: ((next: () => Promise<unknown>) => (args: object) => Promise<unknown>)[] = [];
  const send: Send = async (command) => {
    const name = command.constructor.name.replace(/Command$/, '');
    const input = command.input as Input;
    let answeredMs = 0;
    const output = await withRetries(world, process, () =>
      world.call(process, {
        label: describeRequest(name, input),
        conditional: input['IfMatch'] !== undefined || input['IfNoneMatch'] !== undefined,
        effect: () => {
          authenticateTo(authenticate);
          answeredMs = world.nowMs;
          return bucket.serve(name, input, process);
        },
      }),
    );
    const response = { headers: { date: new Date(answeredMs).toUTCString() } };
    for (const seer of seers) await seer(() => Promise.resolve({ response, output }))({});
    return output;
  };
  return Object.assign(Object.create(S3Client.prototype) as S3Client, {
    send,
    destroy: () => undefined,
    middlewareStack: {
      add: (seer: (typeof seers)[number], { step }: { readonly step: string }) => step === 'deserialize' && seers.push(seer),
    },
  });
}

/** S3's own error for it. */
function authenticateTo(authenticate: () => void): void {
  try {
    authenticate();
  } catch (cause) {
    throw refusal(403, (cause as Error).name);
  }
}

const verbs: Readonly<Record<string, string>> = {
  PutObject: 'puts',
  DeleteObject: 'deletes',
  GetObject: 'reads',
  HeadObject: 'looks at',
  ListObjectsV2: 'lists',
  ListObjectVersions: 'lists the versions of',
};

export function describeRequest(name: string, input: Input): string {
  const verb = verbs[name];
  if (verb === undefined) return `asks ${name}`;
  const condition =
    input['IfNoneMatch'] !== undefined ? ', if there is none' : input['IfMatch'] !== undefined ? ', if it is as it was' : '';
  return `${verb} ${describeKey(textIn(input, 'Key', 'Prefix'))}${condition}`;
}

/** Places of Pulumi's and Holdfast's layout, as people call them. */
export function describeKey(key: string): string {
  const places: readonly (readonly [RegExp, string])[] = [
    [/^\.pulumi\/locks\/organization\/holdfast\/net\.(.+)\/holdfast\.json$/, 'the lock of $1'],
    [/^\.pulumi\/locks\/organization\/holdfast\/net\.$/, 'the locks'],
    [/^\.pulumi\/locks\/organization\/holdfast\/net\.(.+)\/$/, 'the locks of $1'],
    [/^\.pulumi\/locks\/organization\/holdfast\/net\.(.+)\/.+\.json$/, "plain pulumi's lock of $1"],
    [/^\.pulumi\/stacks\/holdfast\/net\.(.+)\.json$/, 'the checkpoint of $1'],
    [/^\.pulumi\/stacks\/holdfast\/net\.$/, 'the checkpoints'],
    [/^\.holdfast\/stacks\/net\/(?:net\.)?(.+)\.json$/, 'the record of $1'],
    [/^\.holdfast\/runs\/net\/([^/]+)\/.*-\d+-([a-z-]+)\.json$/, '"$2" into the journal of run $1'],
    [/^\.holdfast\/open\/net\/([^/]+)\/.*$/, 'the mark of run $1'],
    [/^\.holdfast\/heartbeats\/net\/.+$/, 'its heartbeat'],
    [/^\.holdfast\/(verified|frozen|disowned)\/net\.(.+)\.json$/, 'the $1 record of $2'],
    [/^\.holdfast\/quarantine\/.*\/([^/]+)$/, '$1 into quarantine'],
    [/^\.holdfast\/(.*)$/, '.holdfast/$1'],
  ];
  for (const [pattern, words] of places) if (pattern.test(key)) return key.replace(pattern, words);
  return key;
}

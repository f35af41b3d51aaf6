import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';

/** A request as the client of S3 makes it. */
interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface HttpResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** What goes wrong with one request. */
export type RequestFault =
  /** It never arrives. */
  | 'lost-request'
  /** It takes effect, and nobody hears of it. */
  | 'lost-reply'
  | 'server-error'
  | 'no-bucket'
  /** S3 had a conflicting request under way, and did nothing. It says so of writes with a condition only. */
  | 'conflict';

interface ModelObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly write: string | undefined;
}

/**
 * S3 as its documentation has it, in memory, behind the real client: what it answers to a write whose condition does not hold is 412, and 404 where the
 * write is for an object that is not there.
 */
export class ModelS3 {
  readonly objects = new Map<string, ModelObject>();
  /** Every change that took effect. */
  readonly log: { readonly key: string; readonly write: string | undefined; readonly etag: string | undefined }[] = [];
  /** Runs before each request, and says what goes wrong with it. */
  before: () => RequestFault | undefined = () => undefined;
  /** What its answers bear as their date. */
  date: string | undefined;
  readonly #pageSize: number;

  constructor(pageSize = 1000) {
    this.#pageSize = pageSize;
  }

  client(tries: number): S3Client {
    const requestHandler = {
      handle: async (request: HttpRequest) => ({ response: await this.#serve(request) }),
    };
    return new S3Client({
      region: 'eu-west-1',
      endpoint: 'http://model.test',
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      requestHandler: requestHandler as never,
      retryStrategy: atOnce(tries),
    });
  }

  /** What somebody else writes, or takes away. */
  set(key: string, body: string | undefined): void {
    if (body === undefined) this.#remove(key);
    else this.#put(key, Buffer.from(body), undefined);
  }

  #put(key: string, body: Buffer, write: string | undefined): string {
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    this.objects.set(key, { body, etag, write });
    this.log.push({ key, write, etag });
    return etag;
  }

  #remove(key: string): void {
    if (this.objects.delete(key)) this.log.push({ key, write: undefined, etag: undefined });
  }

  async #serve(request: HttpRequest): Promise<HttpResponse> {
    const fault = this.before();
    if (fault === 'lost-request') throw reset();
    if (fault === 'server-error') return refusal(503, 'ServiceUnavailable');
    if (fault === 'no-bucket') return refusal(404, 'NoSuchBucket');
    const isConditional = 'if-match' in request.headers || 'if-none-match' in request.headers;
    if (fault === 'conflict' && isConditional) return refusal(409, 'ConditionalRequestConflict');
    const given = this.#answer(request, Buffer.from(await bytesOf(request.body)));
    const response = this.date === undefined ? given : { ...given, headers: { ...given.headers, date: this.date } };
    if (fault === 'lost-reply') throw reset();
    return response;
  }

  #answer({ method, path, query, headers }: HttpRequest, body: Buffer): HttpResponse {
    const key = decodeURIComponent(path.split('/').slice(2).join('/'));
    if (key === '') return this.#list(query);
    const found = this.objects.get(key);
    const [match, noneMatch] = [headers['if-match'], headers['if-none-match']];
    if (noneMatch === '*' && found) return refusal(412, 'PreconditionFailed');
    if (match !== undefined && !found) return refusal(404, 'NoSuchKey');
    if (match !== undefined && match !== found?.etag) return refusal(412, 'PreconditionFailed');
    switch (method) {
      case 'PUT':
        return answer(200, '', { etag: this.#put(key, body, headers['x-amz-meta-holdfast-write']) });
      case 'DELETE':
        this.#remove(key);
        return answer(204, '');
      default: {
        if (!found) return method === 'HEAD' ? answer(404, '') : refusal(404, 'NoSuchKey');
        const meta = found.write === undefined ? {} : { 'x-amz-meta-holdfast-write': found.write };
        return answer(200, method === 'HEAD' ? '' : found.body, { etag: found.etag, 'last-modified': new Date(0).toUTCString(), ...meta });
      }
    }
  }

  #list(query: HttpRequest['query']): HttpResponse {
    const { prefix, delimiter, 'continuation-token': token, 'start-after': after } = query as Record<string, string | undefined>;
    const start = prefix ?? '';
    const entries = new Set<string>();
    for (const key of [...this.objects.keys()].filter((each) => each.startsWith(start) && each > (after ?? '')).sort()) {
      const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, start.length);
      entries.add(cut < 0 ? key : key.slice(0, cut + 1));
    }
    const from = Number(token ?? 0);
    const page = [...entries].slice(from, from + this.#pageSize);
    const isMore = from + this.#pageSize < entries.size;
    const shown = page.map((entry) => {
      const object = this.objects.get(entry);
      if (!object) return `<CommonPrefixes><Prefix>${entry}</Prefix></CommonPrefixes>`;
      return `<Contents><Key>${entry}</Key><LastModified>1970-01-01T00:00:00.000Z</LastModified><ETag>${object.etag.replaceAll('"', '&quot;')}</ETag><Size>${object.body.length}</Size></Contents>`;
    });
    const next = isMore ? `<NextContinuationToken>${from + this.#pageSize}</NextContinuationToken>` : '';
    return answer(200, `<ListBucketResult><IsTruncated>${isMore}</IsTruncated>${next}${shown.join('')}</ListBucketResult>`);
  }
}

/** Tries again without a pause what S3's own client would try again. */
function atOnce(tries: number) {
  const token = (count: number) => ({ getRetryCount: () => count, getRetryDelay: () => 0 });
  return {
    acquireInitialRetryToken: () => Promise.resolve(token(0)),
    refreshRetryTokenForRetry: (used: ReturnType<typeof token>, { errorType }: { readonly errorType: string }) => {
      if (errorType === 'CLIENT_ERROR' || used.getRetryCount() + 1 >= tries) return Promise.reject(new Error('no more tries'));
      return Promise.resolve(token(used.getRetryCount() + 1));
    },
    recordSuccess: () => undefined,
  };
}

const reset = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

const answer = (statusCode: number, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): HttpResponse => ({
  statusCode,
  headers,
  body: Readable.from(body.length === 0 ? [] : [Buffer.from(body)]),
});

const refusal = (statusCode: number, code: string): HttpResponse =>
  answer(statusCode, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`, { 'content-type': 'application/xml' });

async function bytesOf(body: unknown): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array();
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  const pieces: Uint8Array[] = [];
  for await (const piece of body as AsyncIterable<Uint8Array>) pieces.push(piece);
  return Buffer.concat(pieces);
}

import { Agent, request, type IncomingMessage } from 'node:http';
import type { Reply } from './error-replies.ts';

/** What came of passing a call on. `unreachable`: it was certainly not made. `broke-off`: nobody knows. */
export type UpstreamResult = { kind: 'reply'; reply: Reply } | { kind: 'unreachable' } | { kind: 'broke-off' };

export type UpstreamRequest = { method: string; url: string; rawHeaders: string[]; body: Buffer[]; mutating: boolean };

/** Headers that are about one connection, and `Expect`, which was answered here. */
const ofOneConnection = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'te', 'upgrade', 'expect']);

const passedOn = (rawHeaders: string[], dropped: Set<string>): string[] => {
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name, value] = [rawHeaders[index] ?? '', rawHeaders[index + 1] ?? ''];
    if (!dropped.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
};

const notPassedOn = new Set([...ofOneConnection, 'content-length', 'x-holdfast-emulator']);

/** The emulator, as the proxy reaches it: on loopback, headers and `Host` unchanged, because moto routes by them. */
export class Upstream {
  readonly #port: number;
  readonly #token: string | undefined;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  /** @param token without which the emulator does not answer; none where it answers all */
  constructor(port: number, token?: string) {
    this.#port = port;
    this.#token = token;
  }

  async pass(call: UpstreamRequest): Promise<UpstreamResult> {
    const first = await this.#once(call);
    // A kept connection may have been closed by the emulator just then; only a read may be asked twice.
    return first === 'stale-connection' ? this.#passAgain(call) : first;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #passAgain(call: UpstreamRequest): Promise<UpstreamResult> {
    const again = await this.#once({ ...call, mutating: true });
    return again === 'stale-connection' ? { kind: 'broke-off' } : again;
  }

  #once({ method, url, rawHeaders, body, mutating }: UpstreamRequest): Promise<UpstreamResult | 'stale-connection'> {
    const headers = passedOn(rawHeaders, notPassedOn);
    if (this.#token !== undefined) headers.push('X-Holdfast-Emulator', this.#token);
    const length = body.reduce((sum, chunk) => sum + chunk.length, 0);
    if (length > 0 || !['GET', 'HEAD', 'DELETE'].includes(method)) headers.push('Content-Length', `${length}`);
    return new Promise((resolve) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: this.#port,
          method,
          path: url,
          headers,
          // A call that changes something gets a connection of its own: it must not meet a stale one, because it is never sent twice.
          agent: mutating ? false : this.#agent,
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('end', () => resolve({ kind: 'reply', reply: replyOf(method, incoming, chunks) }));
          incoming.on('error', () => resolve({ kind: 'broke-off' }));
        },
      );
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') resolve({ kind: 'unreachable' });
        else resolve(outgoing.reusedSocket ? 'stale-connection' : { kind: 'broke-off' });
      });
      for (const chunk of body) outgoing.write(chunk);
      outgoing.end();
    });
  }
}

const replyOf = (method: string, incoming: IncomingMessage, body: Buffer[]): Reply => {
  const status = incoming.statusCode ?? 502;
  // The length of a HEAD is that of the object; every other length is what arrived.
  if (method === 'HEAD' || status === 204 || status === 304) {
    return { status, headers: passedOn(incoming.rawHeaders, ofOneConnection), body: [] };
  }
  const length = body.reduce((sum, chunk) => sum + chunk.length, 0);
  return { status, headers: [...passedOn(incoming.rawHeaders, notPassedOn), 'Content-Length', `${length}`], body };
};

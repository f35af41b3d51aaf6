import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { refusal } from './answer.ts';
import type { Answer } from './answer.ts';

/** A whole body, as its sender says that it is; otherwise what to answer. */
export type Body = { readonly whole: true; readonly bytes: Buffer } | { readonly whole: false; readonly answer: Answer };

/** Far above any checkpoint; a bound at all, so that a broken sender does not take the process's memory. */
export const maxBodyBytes = 2 ** 30;

/** Reads a request's body, decodes S3's own chunks, and compares it with every length and sum that came with it. */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const pieces: Buffer[] = [];
  let received = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      received += piece.length;
      if (received > maxBodyBytes) return broken('EntityTooLarge', `The body is larger than ${maxBodyBytes} bytes.`);
      pieces.push(piece);
    }
  } catch {
    return broken('IncompleteBody', 'The connection ended before the body did.');
  }
  return checkBody(request.headers, pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces));
}

function checkBody(headers: IncomingHttpHeaders, received: Buffer): Body {
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== received.length)
    return broken('IncompleteBody', `The body has ${received.length} bytes, and its Content-Length says ${length}.`);
  let bytes = received;
  let trailers: ReadonlyMap<string, string> = new Map();
  if (isChunked(headers)) {
    const decoded = decodeChunks(received);
    if (!decoded) return broken('IncompleteBody', 'The body is not whole in its chunks.');
    ({ bytes, trailers } = decoded);
    const announced = headerOf(headers, 'x-amz-decoded-content-length');
    if (announced !== undefined && Number(announced) !== bytes.length)
      return broken('IncompleteBody', `The decoded body has ${bytes.length} bytes, and ${announced} were announced.`);
    for (const name of (headerOf(headers, 'x-amz-trailer') ?? '').split(',').map((text) => text.trim().toLowerCase()))
      if (name !== '' && !trailers.has(name)) return broken('MalformedTrailerError', `The trailer ${name} was announced and did not come.`);
  }
  const md5 = headers['content-md5'];
  if (md5 !== undefined && md5 !== digestOf('md5', bytes)) return broken('BadDigest', 'The Content-MD5 is of another body.');
  const sha256 = headerOf(headers, 'x-amz-content-sha256');
  if (sha256 !== undefined && /^[0-9a-f]{64}$/i.test(sha256) && sha256.toLowerCase() !== digestOf('sha256', bytes, 'hex'))
    return broken('XAmzContentSHA256Mismatch', 'The x-amz-content-sha256 is of another body.');
  const given = [...Object.entries(headers).map(([name, value]) => [name, String(value)] as const), ...trailers];
  for (const [name, value] of given) {
    const algorithm = /^x-amz-checksum-(?!algorithm$|type$|mode$)(.+)$/.exec(name)?.[1];
    if (algorithm === undefined) continue;
    const sum = sums.get(algorithm);
    // A sum that is not looked at would be a promise of ours.
    if (!sum) return { whole: false, answer: refusal(501, 'NotImplemented', `This front does not know the checksum ${algorithm}.`) };
    if (sum(bytes) !== value.trim()) return broken('BadDigest', `The ${name} is of another body.`);
  }
  return { whole: true, bytes };
}

const broken = (code: string, message: string): Body => ({ whole: false, answer: refusal(400, code, message) });

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

function isChunked(headers: IncomingHttpHeaders): boolean {
  const encodings = (headerOf(headers, 'content-encoding') ?? '').split(',').map((text) => text.trim().toLowerCase());
  return encodings.includes('aws-chunked') || (headerOf(headers, 'x-amz-content-sha256') ?? '').startsWith('STREAMING-');
}

/** S3's chunks: a line with the size in hexadecimal, the bytes, a line end; after the one of no size the trailers. Undefined where it is not whole. */
function decodeChunks(raw: Buffer): { readonly bytes: Buffer; readonly trailers: ReadonlyMap<string, string> } | undefined {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = raw.indexOf('\r\n', at);
    const size = end < 0 ? undefined : /^([0-9a-f]{1,8})(?:;.*)?$/i.exec(raw.toString('latin1', at, end))?.[1];
    if (size === undefined) return undefined;
    at = end + 2;
    const next = at + Number.parseInt(size, 16);
    if (next === at) break;
    if (next + 2 > raw.length || raw.toString('latin1', next, next + 2) !== '\r\n') return undefined;
    pieces.push(raw.subarray(at, next));
    at = next + 2;
  }
  const rest = raw.toString('latin1', at);
  if (!rest.endsWith('\r\n')) return undefined;
  const trailers = new Map<string, string>();
  for (const line of rest.split('\r\n').filter((text) => text !== '')) {
    const colon = line.indexOf(':');
    if (colon < 1) return undefined;
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return { bytes: Buffer.concat(pieces), trailers };
}

/** S3's checksums, in base64. */
const sums: ReadonlyMap<string, (bytes: Buffer) => string> = new Map([
  ['crc32', crc32Of],
  ['crc32c', (bytes: Buffer) => base64Of(crc32c(bytes))],
  ['sha1', (bytes: Buffer) => digestOf('sha1', bytes)],
  ['sha256', (bytes: Buffer) => digestOf('sha256', bytes)],
]);

export function digestOf(algorithm: 'md5' | 'sha1' | 'sha256', bytes: Buffer, encoding: 'base64' | 'hex' = 'base64'): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}

/** In base64, as S3 gives it. */
export function crc32Of(bytes: Buffer): string {
  return base64Of(crc32(bytes));
}

function base64Of(sum: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum);
  return bytes.toString('base64');
}

/** CRC-32 with Castagnoli's polynomial, which node:zlib does not have. */
function crc32c(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ (castagnoli[(sum ^ byte) & 0xff] ?? 0);
  return (sum ^ 0xffffffff) >>> 0;
}

const castagnoli = Uint32Array.from({ length: 256 }, (_, index) => {
  let entry = index;
  for (let bit = 0; bit < 8; bit += 1) entry = entry & 1 ? (entry >>> 1) ^ 0x82f63b78 : entry >>> 1;
  return entry >>> 0;
});

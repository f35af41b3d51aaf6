import type { Readable } from 'node:stream';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { ObjectTooLarge } from '../state/object-store.ts';

/**
 * What an object is, as it comes: it may have grown since it was listed, and its length may be a lie.
 * @throws ObjectTooLarge
 */
export async function bodyOf(key: string, { Body, ContentLength, ETag = '' }: GetObjectCommandOutput, most: number): Promise<Buffer> {
  if (Body === undefined) return Buffer.alloc(0);
  const stream = Body as Readable;
  const tooLarge = (bytes: number): ObjectTooLarge => {
    stream.destroy();
    return new ObjectTooLarge(key, { bytes, etag: ETag }, most);
  };
  if (ContentLength !== undefined && ContentLength > most) throw tooLarge(ContentLength);
  const pieces: Buffer[] = [];
  let received = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    received += piece.length;
    if (received > most) throw tooLarge(received);
    pieces.push(piece);
  }
  return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
}

import { escapeXml, xml } from './answer.ts';
import type { Answer } from './answer.ts';
import type { ListQuery } from './s3-request.ts';

export interface Listed {
  readonly key: string;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  readonly modified: Date;
}

/** ListObjectsV2 over objects in any order. */
export function listing(bucket: string, objects: Iterable<Listed>, query: ListQuery): Answer {
  const { prefix, delimiter, maxKeys, after, encoded } = query;
  const contents: Listed[] = [];
  const folders: string[] = [];
  let last: string | undefined;
  let truncated = false;
  for (const object of [...objects].sort((a, b) => compareKeys(a.key, b.key))) {
    const { key } = object;
    if (!key.startsWith(prefix) || compareKeys(key, after) <= 0) continue;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const folder = end < 0 ? undefined : key.slice(0, end + delimiter.length);
    // A page that ended with a folder goes on behind all of it.
    if (folder !== undefined && (folder === folders.at(-1) || folder === after)) continue;
    if (contents.length + folders.length >= maxKeys) {
      truncated = maxKeys > 0;
      break;
    }
    if (folder === undefined) contents.push(object);
    else folders.push(folder);
    last = folder ?? key;
  }
  const name = (text: string): string => escapeXml(encoded ? encodeURIComponent(text).replaceAll('%2F', '/') : text);
  return xml(
    200,
    [
      '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
      `<Name>${escapeXml(bucket)}</Name><Prefix>${name(prefix)}</Prefix>`,
      delimiter === '' ? '' : `<Delimiter>${name(delimiter)}</Delimiter>`,
      `<MaxKeys>${maxKeys}</MaxKeys><KeyCount>${contents.length + folders.length}</KeyCount>`,
      encoded ? '<EncodingType>url</EncodingType>' : '',
      `<IsTruncated>${truncated}</IsTruncated>`,
      truncated && last !== undefined ? `<NextContinuationToken>${Buffer.from(last).toString('base64url')}</NextContinuationToken>` : '',
      ...contents.map(
        ({ key, etag, size, modified }) =>
          `<Contents><Key>${name(key)}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${escapeXml(etag)}</ETag>` +
          `<Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
      ),
      ...folders.map((folder) => `<CommonPrefixes><Prefix>${name(folder)}</Prefix></CommonPrefixes>`),
      '</ListBucketResult>',
    ].join(''),
  );
}

/** S3 orders keys by their UTF-8 bytes. */
function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { Bucket } from '../../orchestrator/aws/bucket.ts';

/** Secrets that a run is given, and a search for them in all that it leaves behind. */

/** A place that was searched: what a reader of it sees. */
export interface Place {
  /** As in `bucket .holdfast/runs/… (version 3)`. */
  readonly name: string;
  readonly bytes: Buffer;
}

export const textPlace = (name: string, text: string): Place => ({ name, bytes: Buffer.from(text) });

/** Where which secret was found, in which spelling. */
export interface Finding {
  readonly place: string;
  readonly secret: string;
  readonly spelling: string;
}

/** The spellings in which a text may stand inside another one. */
export function spellingsOf(secret: string): ReadonlyMap<string, readonly string[]> {
  const escaped = JSON.stringify(secret).slice(1, -1);
  const inBase64 = base64Inside(secret);
  return new Map<string, readonly string[]>([
    ['plain', [secret]],
    ['JSON', [escaped, JSON.stringify(escaped).slice(1, -1)]],
    // Of a form, where a space is a plus, and of a path, in either case of its digits.
    ['URL', [encodeURIComponent(secret), encodeURI(secret), new URLSearchParams({ s: secret }).toString().slice(2), lowerEscapes(secret)]],
    ['base64', inBase64],
    ['base64url', inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))],
    ['hex', [Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('hex').toUpperCase()]],
    ['UTF-16', [Buffer.from(secret, 'utf16le').toString('latin1')]],
  ]);
}

const lowerEscapes = (secret: string): string => encodeURIComponent(secret).replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());

/** What base64 makes of a text that begins at any of three places, without the letters that also hold a neighbour. */
function base64Inside(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const first = Math.ceil((before * 8) / 6);
    const last = Math.floor(((before + bytes.length) * 8) / 6);
    return text.slice(first, last);
  });
}

/** @param secrets by name */
export function search(places: readonly Place[], secrets: Readonly<Record<string, string>>): readonly Finding[] {
  const needles = Object.entries(secrets).flatMap(([name, secret]) => {
    if (secret.length < 12) throw new Error(`${name} is too short to be found for sure`);
    return [...spellingsOf(secret)].flatMap(([spelling, forms]) =>
      forms.map((form) => ({ name, spelling, bytes: Buffer.from(form, spelling === 'UTF-16' ? 'latin1' : 'utf8') })),
    );
  });
  return places.flatMap((place) =>
    needles.filter(({ bytes }) => place.bytes.includes(bytes)).map(({ name, spelling }) => ({ place: place.name, secret: name, spelling })),
  );
}

/** Every version of every object, with its key and its metadata. */
export async function bucketPlaces(s3: S3Client, bucket: string): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const { key, version, etag } of await new Bucket(s3, bucket).versions('')) {
    const name = `bucket ${key} (version ${version})`;
    // A delete marker is a key and no more.
    if (etag === undefined) {
      places.push(textPlace(name, key));
      continue;
    }
    const { Body, $metadata: _, ...head } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: version }));
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
    places.push({ name, bytes: Buffer.concat([Buffer.from(`${key}\n${JSON.stringify(head)}\n`), bytes]) });
  }
  return places;
}

/** Every file below a folder, with its name; none where there is no such folder. What goes away meanwhile is nobody's to read. */
export async function folderPlaces(what: string, folder: string): Promise<readonly Place[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const places = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry): Promise<readonly Place[]> => {
        const path = join(entry.parentPath, entry.name);
        const bytes = await readFile(path).catch(() => undefined);
        return bytes === undefined ? [] : [{ name: `${what} ${path}`, bytes: Buffer.concat([Buffer.from(`${path}\n`), bytes]) }];
      }),
  );
  return places.flat();
}

/** The arguments of every process of this machine. */
export async function argumentPlaces(when: string): Promise<readonly Place[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(
    pids.map(async (pid): Promise<readonly Place[]> => {
      const bytes = await readFile(`/proc/${pid}/cmdline`).catch(() => undefined);
      return bytes === undefined || bytes.length === 0 ? [] : [{ name: `arguments of process ${pid} ${when}`, bytes }];
    }),
  );
  return places.flat();
}

/** What a process was given by its environment: there secrets may be, and are read from. */
export async function environmentOf(pid: number): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8');
  return Object.fromEntries(
    text
      .split('\0')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

const textItem = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length < 24) return Buffer.concat([Buffer.of(0x60 | bytes.length), bytes]);
  return Buffer.concat([Buffer.of(0x79, bytes.length >> 8, bytes.length & 0xff), bytes]);
};

/** A map of texts (at most 23 entries, each under 64 KiB) in CBOR, RFC 8949: all that an error of Smithy RPC v2 consists of. */
export const cborTextMap = (entries: Record<string, string>): Buffer =>
  Buffer.concat([
    Buffer.of(0xa0 | Object.keys(entries).length),
    ...Object.entries(entries).flatMap(([k, v]) => [textItem(k), textItem(v)]),
  ]);

/** The text that a map has under a key: where the key's own bytes are, and a text of less than 256 bytes follows. */
export const cborTextOf = (body: Buffer, key: string): string | undefined => {
  const wanted = textItem(key);
  const at = body.indexOf(wanted);
  if (at < 0) return undefined;
  const head = body[at + wanted.length] ?? 0;
  const isShort = head >= 0x60 && head < 0x78;
  if (!isShort && head !== 0x78) return undefined;
  const from = at + wanted.length + (isShort ? 1 : 2);
  const length = isShort ? head - 0x60 : (body[from - 1] ?? 0);
  return body.subarray(from, from + length).toString('utf8');
};

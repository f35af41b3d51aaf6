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

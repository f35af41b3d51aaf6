/** What the gateway answers, in S3's own form. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export function refusal(status: number, code: string, message: string): Answer {
  return xml(status, `<Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error>`);
}

/** @param content of which all text is escaped */
export function xml(status: number, content: string): Answer {
  return { status, headers: { 'content-type': 'application/xml' }, body: `<?xml version="1.0" encoding="UTF-8"?>\n${content}` };
}

export const noSuchKey = (): Answer => refusal(404, 'NoSuchKey', 'The specified key does not exist.');

/** The one answer to everything that does not carry a mount's name: it says nothing of what there is. */
export const noSuchBucket = (): Answer => refusal(404, 'NoSuchBucket', 'The specified bucket does not exist.');

/** XML 1.0 cannot carry most control characters, nor half a surrogate pair, not even as a reference: they become a question mark. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[\p{Surrogate}\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
    .replaceAll('\r', '&#13;');
}

import type { IncomingMessage } from 'node:http';

/** Whether a page in a browser of this machine sent it: a browser adds headers of its own. One of them Node's `fetch` sends too. */
export function isFromBrowser({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return Object.entries(headers).some(
    ([name, value]) =>
      name === 'origin' || name === 'referer' || (name.startsWith('sec-') && !(name === 'sec-fetch-mode' && value === 'cors')),
  );
}

/** Whether a program of this machine asks for this machine. A page of a browser may also come by DNS rebinding: its Host is not loopback. */
export function isFromProgram(request: Pick<IncomingMessage, 'headers'>): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? '') && !isFromBrowser(request);
}

import { messageOf } from '../domain/problem.ts';

export type Looked<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      /** What was asked, as a policy names it, where one of several calls failed: `ec2:DescribeVpcs`. */
      readonly action?: string;
    };

/** @param action what is asked, as a policy names it */
export async function looked<T>(look: () => Promise<T>, action?: string): Promise<Looked<T>> {
  try {
    return { ok: true, value: await look() };
  } catch (cause) {
    const { name, $metadata, code } = cause as { name?: string; code?: string; $metadata?: { httpStatusCode?: number } };
    // HEAD has no body, so S3's own error code is only in the status.
    const status = $metadata?.httpStatusCode;
    const httpCode = status === 404 ? 'NotFound' : status === 403 ? 'AccessDenied' : undefined;
    return {
      ok: false,
      code: (name === 'Unknown' || name === 'UnknownError' ? httpCode : undefined) ?? code ?? name ?? 'unknown',
      message: messageOf(cause),
      ...(action === undefined ? {} : { action }),
    };
  }
}

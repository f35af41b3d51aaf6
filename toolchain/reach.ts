import type { Environment } from './cache-folder.ts';

/** Where Pulumi's downloads come from: the CLI's installer, and the plugins. */
export const pulumiDownloads = 'https://get.pulumi.com';

const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'] as const;

export type Reach = { readonly reached: true } | { readonly reached: false; readonly detail: string };

/**
 * Whether a site answers at all, whatever it answers. Asked before a download so that the download itself can be given the
 * minutes that a slow line needs, and a machine without the internet loses only these seconds. Behind a proxy, which fetch
 * does not use, the download itself has to show it.
 */
export async function reach(site: string, env: Environment, timeoutMs = 5000): Promise<Reach> {
  if (proxyVariables.some((name) => (env[name] ?? '') !== '')) return { reached: true };
  try {
    await fetch(site, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    return { reached: true };
  } catch (cause) {
    return { reached: false, detail: detailOfFetch(cause, timeoutMs) };
  }
}

function detailOfFetch(cause: unknown, timeoutMs: number): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  // fetch says "fetch failed", and what failed in the cause.
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}

/** A key in KMS, as the URL says it. */
export interface KmsKey {
  /** An alias, an id or an ARN. */
  readonly key: string;
  /** Undefined where the URL names none: then it is that of the network. */
  readonly region: string | undefined;
  readonly context: Readonly<Record<string, string>>;
}

const alias = 'alias(?:/[\\w-]+)+';
const keyForm = new RegExp(
  `^awskms:///?(${alias}|[\\w-]+|(?<=awskms:///)arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:(?:key/[\\w-]+|${alias}))(?:\\?(.+))?$`,
);

/**
 * The URL of a key in KMS: an alias, an id, or after a third slash an ARN; then `region` and `context_…`, and nothing else. The engine would take an endpoint,
 * a profile and a role from it as well, and send its keys where the URL says. What two parsers could read in two ways is refused too, so that the engine uses
 * the key that preflight has tried.
 * @returns undefined where it is anything else
 * @see https://gocloud.dev/howto/secrets/#aws
 */
export function parseKmsUrl(url: string): KmsKey | undefined {
  const [, key, query] = keyForm.exec(url) ?? [];
  if (key === undefined) return undefined;
  const said = new Map<string, string>();
  for (const each of query?.split('&') ?? []) {
    const [, name = '', value = ''] = /^(region|context_[\w.-]+)=((?:[\w.~:/@-]|%[0-9A-Fa-f]{2})+)$/.exec(each) ?? [];
    const decoded = decode(value);
    if (name === '' || said.has(name) || decoded === undefined) return undefined;
    said.set(name, decoded);
  }
  const region = said.get('region');
  if (region !== undefined && !/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) return undefined;
  const context = [...said].flatMap(([name, value]) => (name === 'region' ? [] : [[name.slice('context_'.length), value] as const]));
  return { key, region, context: Object.fromEntries(context) };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

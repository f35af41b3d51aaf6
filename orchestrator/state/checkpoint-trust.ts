import { z } from 'zod';
import { ownTags } from '../domain/tag-patterns.ts';
import { awsPluginVersion, earlierAwsPluginVersions } from '../../toolchain/versions.ts';
import { project } from './layout.ts';
import { parseJson } from './read-json.ts';
import { recordedSecretsIn } from './secrets.ts';
import type { ConfiguredSecrets } from './secrets.ts';

/**
 * What a checkpoint may name. The engine does what a checkpoint says: it starts the plugins of the providers in it, fetches them from where they say,
 * and sends calls that are signed by the run to the endpoints that a provider's inputs give. So it is shown only those in which there is nothing but what
 * Holdfast's own programs put there; `pulumi/program.ts` has the one provider of a stack.
 *
 * Whatever is not known is refused: a list of what is dangerous would be out of date with the next release of the engine.
 */
export interface Declared {
  readonly account: string;
  readonly region: string;
}

/** What an engine may be given: by what the secrets are encrypted is the network file's to say, too. */
export interface Trusted extends Declared {
  readonly secrets: ConfiguredSecrets;
}

/** Why an engine is not shown a checkpoint. */
export interface Distrust {
  readonly reason:
    /** It is not written as Holdfast's engine writes one: a format, or a release, of another tool. */
    | 'other-format'
    /** A field that programs of Holdfast never fill, or that nothing is known of. */
    | 'unknown-field'
    /** A key that stands twice in one object: one reader takes the first, another the last. */
    | 'repeated-key'
    /** A resource of another stack or project, or of another type than its own name says. */
    | 'foreign-urn'
    | 'foreign-type'
    /** A resource that names a provider which is none of this checkpoint's. */
    | 'foreign-provider'
    | 'provider-input'
    | 'plugin-version'
    | 'foreign-secrets'
    /** A value that the engine would read from a file or an address, or a secret that is not encrypted. */
    | 'special-value';
  /** As it stands there, and so anything at all; absent where it is about the whole checkpoint. */
  readonly urn?: string;
  /** What it is about, as it stands there. */
  readonly what: string;
}

/** Of more of them a person needs to know only that there are more. */
const most = 20;

/**
 * @param body text of the checkpoint
 * @param json what that is as JSON, where it was parsed already
 * @param declared with `secrets` where an engine is to be given it; without where it is only looked at
 * @returns nothing where every part of it is known
 */
export function distrust(
  body: string,
  stack: string,
  declared: Declared & Partial<Trusted>,
  json: unknown = parseJson(body),
): readonly Distrust[] {
  const found: Distrust[] = [];
  const add = (reason: Distrust['reason'], what: string, urn?: string): void => {
    if (found.length < most) found.push({ reason, what, ...(urn === undefined ? {} : { urn }) });
  };
  if (!isObject(json)) return [{ reason: 'other-format', what: 'it is no object of JSON' }];
  if (json['version'] !== format && !isNew(json)) return [{ reason: 'other-format', what: `version ${shown(json['version'])}` }];
  const values = survey(json);
  if (values.keys !== keysIn(body)) add('repeated-key', 'a key stands twice in one object');
  onlyFields(json, topFields, add);
  const { checkpoint } = json;
  if (!isObject(checkpoint)) return [...found, { reason: 'other-format', what: 'checkpoint' }];
  onlyFields(checkpoint, checkpointFields, add);
  const latest = checkpoint['latest'] ?? {};
  if (!isObject(latest)) return [...found, { reason: 'other-format', what: 'checkpoint.latest' }];
  onlyFields(latest, deploymentFields, add);
  checkManifest(latest['manifest'], add);
  checkSecrets(latest['secrets_providers'], declared.secrets, add);

  const resources = listOf(latest['resources'], 'resources', add);
  const begun = listOf(latest['pending_operations'], 'pending_operations', add).flatMap((operation): unknown[] => {
    if (!isObject(operation)) {
      add('other-format', 'pending_operations');
      return [];
    }
    onlyFields(operation, operationFields, add);
    return [operation['resource']];
  });
  const all = [...resources, ...begun].flatMap((raw): RawResource[] => {
    if (isObject(raw) && typeof raw['urn'] === 'string' && typeof raw['type'] === 'string') return [raw as RawResource];
    add('other-format', 'a resource without a URN and a type');
    return [];
  });
  /** Their types, by how a resource names them. */
  const providers = new Map(
    all.filter(({ type }) => isProvider(type)).map(({ urn, id, type }) => [`${urn}::${typeof id === 'string' ? id : ''}`, type]),
  );
  for (const resource of all) {
    checkResource(resource, stack, providers, add);
    if (isProvider(resource.type)) checkProvider(resource, declared, add);
    if (values.special && survey(resource).special) add('special-value', 'a file, an address, or a secret in plain text', resource.urn);
  }
  if (values.special && found.length === 0) add('special-value', 'a file, an address, or a secret in plain text');
  return found;
}

type Add = (reason: Distrust['reason'], what: string, urn?: string) => void;

interface RawResource extends Readonly<Record<string, unknown>> {
  readonly urn: string;
  readonly type: string;
}

/** The engine reads older ones and one newer; those are of other releases, with other parts. */
const format = 3;

/** As `pulumi stack init` writes it: without a format, as there is nothing in it. */
const isNew = ({ version, checkpoint }: Readonly<Record<string, unknown>>): boolean =>
  version === 0 && isObject(checkpoint) && Object.keys(checkpoint).every((name) => name === 'stack');

const topFields = new Set(['version', 'checkpoint', 'holdfast']);

const checkpointFields = new Set(['stack', 'latest']);

/** Not `snippets`, which are programs with packages of their own, nor `extensions`. https://github.com/pulumi/pulumi sdk/go/common/apitype/core.go, `DeploymentV3` */
const deploymentFields = new Set(['manifest', 'secrets_providers', 'resources', 'pending_operations', 'metadata']);

const operationFields = new Set(['type', 'resource']);

const secretsFields = new Set(['type', 'state']);
const secretsStateFields = new Set(['salt', 'url', 'encryptedkey']);

/** Not `extensionRef`, `snippetID`, `resourceHooks` and `viewOf`. `ResourceV3`, as above. */
const resourceFields = new Set([
  'urn',
  'custom',
  'delete',
  'id',
  'type',
  'inputs',
  'outputs',
  'parent',
  'protect',
  'taint',
  'external',
  'dependencies',
  'initErrors',
  'provider',
  'propertyDependencies',
  'pendingReplacement',
  'additionalSecretOutputs',
  'aliases',
  'customTimeouts',
  'importID',
  'retainOnDelete',
  'deletedWith',
  'replaceWith',
  'created',
  'modified',
  'sourcePosition',
  'stackTrace',
  'ignoreChanges',
  'hideDiff',
  'replaceOnChanges',
  'refreshBeforeUpdate',
]);

const stackType = 'pulumi:pulumi:Stack';
const referenceType = 'pulumi:pulumi:StackReference';
const awsProvider = 'pulumi:providers:aws';
/** Of StackReferences: a part of the engine, and no plugin. */
const ownProvider = 'pulumi:providers:pulumi';

const isProvider = (type: string): boolean => type === awsProvider || type === ownProvider;

/** Case counts: what is read without regard to it, as the engine reads fields, would be another one under a name that is not known here. */
function onlyFields(object: Readonly<Record<string, unknown>>, known: ReadonlySet<string>, add: Add, urn?: string): void {
  for (const name of Object.keys(object)) if (!known.has(name)) add('unknown-field', name, urn);
}

function listOf(value: unknown, what: string, add: Add): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value !== undefined && value !== null) add('other-format', what);
  return [];
}

/** What it says of plugins the engine takes for what has no provider, and here everything has one. */
function checkManifest(manifest: unknown, add: Add): void {
  const version = isObject(manifest) ? manifest['version'] : undefined;
  if (version !== undefined && version !== '' && !/^v?3(\.|$)/.test(shown(version))) add('other-format', `written by ${shown(version)}`);
}

/** @param wanted absent where that is not asked: the preflight tells of it in words of its own */
function checkSecrets(provider: unknown, wanted: ConfiguredSecrets | undefined, add: Add): void {
  if (isObject(provider)) {
    onlyFields(provider, secretsFields, add);
    if (isObject(provider['state'])) onlyFields(provider['state'], secretsStateFields, add);
  }
  if (wanted === undefined) return;
  const recorded = recordedSecretsIn(provider);
  if (recorded !== undefined && recorded.provider !== wanted) add('foreign-secrets', recorded.provider);
}

function checkResource(resource: RawResource, stack: string, providers: ReadonlyMap<string, string>, add: Add): void {
  const { urn, type } = resource;
  const { custom = false, provider = '' } = resource;
  onlyFields(resource, resourceFields, add, urn);
  const [head, ofProject, qualified, ...name] = urn.split('::');
  if (head !== `urn:pulumi:${stack}` || ofProject !== project || qualified?.split('$').at(-1) !== type || name.join('::') === '')
    add('foreign-urn', urn, urn);
  if (typeof custom !== 'boolean' || typeof provider !== 'string') {
    add('other-format', 'custom, provider', urn);
    return;
  }
  if (!custom) {
    // A component is nothing by itself: what it is made of stands beside it.
    if (type.startsWith('pulumi:') ? type !== stackType : !/^[\w-]+:[\w/-]*:\w+$/.test(type)) add('foreign-type', type, urn);
    if (provider !== '') add('foreign-provider', provider, urn);
    return;
  }
  if (isProvider(type)) return;
  const wanted = type === referenceType ? ownProvider : /^aws:[\w/-]+:\w+$/.test(type) ? awsProvider : undefined;
  if (wanted === undefined) add('foreign-type', type, urn);
  // With none it gets a default one of its package, which has nothing but what the environment says.
  else if (provider !== '' && providers.get(provider) !== wanted) add('foreign-provider', provider, urn);
}

/** What the provider's own defaults add to what the program sets. */
const defaults: Readonly<Record<string, readonly string[]>> = {
  skipCredentialsValidation: ['false'],
  skipRegionValidation: ['true'],
};

function checkProvider({ urn, type, inputs, outputs, custom }: RawResource, { account, region }: Declared, add: Add): void {
  if (custom !== true) add('foreign-type', type, urn);
  for (const properties of [inputs, outputs]) {
    if (properties !== undefined && !isObject(properties)) add('other-format', 'inputs, outputs', urn);
    if (!isObject(properties)) continue;
    for (const [name, value] of Object.entries(properties)) {
      if (name === 'version') {
        const known = type === ownProvider || [awsPluginVersion, ...earlierAwsPluginVersions].includes(String(value));
        if (typeof value !== 'string' || !known) add('plugin-version', shown(value), urn);
      } else if (name === '__internal') {
        for (const inside of isObject(value) ? Object.keys(value) : [shown(value)]) add('provider-input', `__internal.${inside}`, urn);
      } else if (!isAsDeclared(type, name, value, account, region)) add('provider-input', name, urn);
    }
  }
  // The one that the program makes. What a person imports with plain pulumi has a default one, which has nothing of its own.
  const isDefault = /^default(_\d+_\d+_\d+)?$/.test(urn.split('::').at(-1) ?? '');
  if (type === awsProvider && !isDefault)
    for (const name of ['region', 'allowedAccountIds'])
      if (!isObject(inputs) || !Object.hasOwn(inputs, name)) add('provider-input', `${name} is missing`, urn);
}

function isAsDeclared(type: string, name: string, value: unknown, account: string, region: string): boolean {
  if (type !== awsProvider) return false;
  if (name === 'region') return value === region;
  // The SDK hands a list to a provider as text.
  if (name === 'allowedAccountIds')
    return value === JSON.stringify([account]) || (Array.isArray(value) && value.length === 1 && value[0] === account);
  if (name === 'ignoreTags') return isIgnoring(value);
  return Object.hasOwn(defaults, name) && defaults[name]?.includes(String(value)) === true;
}

const ignoring = z.strictObject({ keys: z.array(z.string()).optional(), keyPrefixes: z.array(z.string()).optional() });

/** Whatever an earlier network file had, but for what resources are found again by. */
function isIgnoring(value: unknown): boolean {
  const parsed = ignoring.safeParse(typeof value === 'string' ? parseJson(value) : value);
  if (!parsed.success) return false;
  const { keys = [], keyPrefixes = [] } = parsed.data;
  return ownTags.every((own) => !keys.includes(own) && !keyPrefixes.some((prefix) => own.startsWith(prefix)));
}

/** Beside it stands what sort of value an object is. https://github.com/pulumi/pulumi sdk/go/common/resource/sig/sig.go */
const signature = '4dabf18193072939515e22adb298388d';
const secret = '1b47061264138c4ac30d75fd1eb44270';

const isEncrypted = (value: Readonly<Record<string, unknown>>): boolean =>
  value[signature] === secret && typeof value['ciphertext'] === 'string' && !Object.hasOwn(value, 'plaintext');

/** Without recursion: how deep it goes is what a writer of it likes. */
function survey(json: unknown): { readonly keys: number; readonly special: boolean } {
  const open: unknown[] = [json];
  let keys = 0;
  let special = false;
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) {
      for (const element of value) if (typeof element === 'object' && element !== null) open.push(element);
    } else if (isObject(value)) {
      for (const name of Object.keys(value)) {
        keys += 1;
        const inner = value[name];
        if (typeof inner === 'object' && inner !== null) open.push(inner);
      }
      if (Object.hasOwn(value, signature) && !isEncrypted(value)) special = true;
    }
  }
  return { keys, special };
}

const backslash = 0x5c;
const colon = 0x3a;

/** How many keys a text of JSON has, each as often as it stands there: more than are left of it once it is parsed, where one stands twice. */
function keysIn(text: string): number {
  let keys = 0;
  let at = text.indexOf('"');
  while (at >= 0) {
    let end = text.indexOf('"', at + 1);
    while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
    if (end < 0) return keys;
    let next = end + 1;
    while (text.charCodeAt(next) <= 0x20) next += 1;
    if (text.charCodeAt(next) === colon) keys += 1;
    at = text.indexOf('"', next);
  }
  return keys;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === backslash) before -= 1;
  return (at - before) % 2 === 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null)).slice(0, 200);

const reasons: Readonly<Record<Distrust['reason'], string>> = {
  'other-format': 'it is not written as the engine of Holdfast writes one',
  'unknown-field': 'it has a field that no program of Holdfast fills',
  'repeated-key': 'it can be read in two ways',
  'foreign-urn': 'it has a resource of another stack, or of a type that its name does not say',
  'foreign-type': 'it has a resource of a package that no kind of stack declares',
  'foreign-provider': 'it has a resource of a provider that is not the one of the stack',
  'provider-input': 'its provider has a setting that the program does not give it',
  'plugin-version': 'its provider wants a release of the plugin that this Holdfast does not know',
  'foreign-secrets': 'its secrets are encrypted by something else than the network file says',
  'special-value': 'it has a value that is read from elsewhere',
};

/** Goes on after `the checkpoint of a stack`. What stands in it is shown as text and no more: it may have been written for the screen that it is read on. */
export function distrustInWords([first, ...more]: readonly Distrust[]): string {
  if (!first) return 'is as it should be';
  const where = first.urn === undefined || first.urn === first.what ? '' : ` in ${escaped(first.urn)}`;
  const others = more.length === 0 ? '' : `, and ${more.length === most - 1 ? 'many' : more.length} more`;
  return `is not given to an engine: ${reasons[first.reason]} (${escaped(first.what)}${where}${others})`;
}

const longest = 160;

function escaped(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return JSON.stringify(cut).replaceAll(/[^\x20-\x7e…]/g, (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A checkpoint that no engine is shown. */
export class DistrustedCheckpoint extends Error {
  /** Full name of the stack. */
  readonly of: string;
  readonly distrust: readonly Distrust[];

  constructor(stack: string, found: readonly Distrust[]) {
    super(`the checkpoint of ${stack} ${distrustInWords(found)}`);
    this.name = 'DistrustedCheckpoint';
    this.of = stack;
    this.distrust = found;
  }
}

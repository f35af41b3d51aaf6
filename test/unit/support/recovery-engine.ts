import { request as httpRequest } from 'node:http';
import type { EngineRequest, EngineResult, EngineStep } from '../../../orchestrator/pulumi/engine.ts';
import type { RecoveryParts } from '../../../orchestrator/recovery/recover-stack.ts';
import { isCloudObject, readDeployment } from '../../../orchestrator/state/deployment.ts';
import type { Properties, RawCheckpoint, RawResource } from '../../../orchestrator/state/deployment.ts';
import { checkpointKey, lockFolder } from '../../../orchestrator/state/layout.ts';
import type { FakeCloud } from './fake-cloud.ts';
import { raw, root, taggedInputs, urnOf } from './recovery.ts';

/** What the program wants: by name, with its inputs. */
export type Wanted = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const succeeded: EngineResult = { outcome: 'succeeded', steps: [], unfinished: [] };
const failed = (...errors: readonly string[]): EngineResult => ({
  outcome: 'failed',
  steps: [],
  unfinished: [],
  failures: [],
  started: false,
  errors,
  interrupted: false,
});

/**
 * Plays the engine of a recovery over the wire, for VPCs: its refresh drops what AWS does not have and keeps the rest, its plan compares with what the
 * program wants, its cancel deletes the locks that it is shown. Like the real one it drops pending operations, and the fields that it does not know.
 */
export class RecoveryEngine {
  readonly #cloud: FakeCloud;
  wanted: Wanted;
  /** Requests that are under way. */
  busy = 0;
  /** What each was asked for, in order. */
  readonly asked: ('refresh' | 'preview' | 'preview-destroy' | 'cancel')[] = [];
  /** Runs before an act. Its result, where it gives one, takes the act's place. */
  before: (act: RecoveryEngine['asked'][number]) => Promise<EngineResult | undefined> | EngineResult | undefined = () => undefined;

  constructor(cloud: FakeCloud, wanted: Wanted) {
    this.#cloud = cloud;
    this.wanted = wanted;
  }

  /** As a recovery is given it. */
  get parts(): RecoveryParts['engine'] {
    return {
      refresh: (request) => this.#act('refresh', request, (url) => this.#refresh(request, url)),
      preview: (request) => this.#act('preview', request, (url) => this.#preview(request, url, this.wanted)),
      previewDestroy: (request) => this.#act('preview-destroy', request, (url) => this.#preview(request, url, {})),
      cancel: (request) => this.#act('cancel', request, (url) => this.#cancel(request, url)),
    };
  }

  /** One request of the engine's client, at a key of the mount. */
  async request(
    method: 'GET' | 'PUT' | 'DELETE',
    backendUrl: string,
    key: string,
    body?: string,
  ): Promise<readonly [status: number, text: string]> {
    const url = new URL(backendUrl);
    return this.#send(method, `${url.searchParams.get('endpoint') ?? ''}/${url.host}/${key}`, body);
  }

  async #act(
    act: RecoveryEngine['asked'][number],
    request: EngineRequest,
    does: (url: string) => Promise<EngineResult>,
  ): Promise<EngineResult> {
    this.asked.push(act);
    const instead = await this.before(act);
    if (instead) return instead;
    if (request.signal?.aborted === true || request.ending?.aborted === true) return failed('the engine was not started');
    const url = new URL(request.backendUrl);
    return does(`${url.searchParams.get('endpoint') ?? ''}/${url.host}/`);
  }

  async #refresh({ stack }: EngineRequest, url: string): Promise<EngineResult> {
    const { checkpoint, resources } = await this.#read(stack, url);
    const left = resources.flatMap((entry): RawResource[] => {
      const { type, id } = entry;
      if (!isCloudObject({ custom: entry.custom ?? false, external: false, type }) || entry.pendingReplacement === true) return [entry];
      const object = id === undefined ? undefined : this.#cloud.find({ type, id });
      return object ? [{ ...entry, outputs: { ...object.properties, tagsAll: object.tags } }] : [];
    });
    const urns = new Set(left.map(({ urn }) => urn));
    const bare = left.map(({ dependencies, ...entry }) =>
      dependencies ? { ...entry, dependencies: dependencies.filter((urn) => urns.has(urn)) } : entry,
    );
    const latest = { manifest: { version: 'v3', time: 'now' }, resources: bare };
    const [status, text] = await this.#send(
      'PUT',
      url + checkpointKey(stack),
      JSON.stringify({ version: 3, checkpoint: { ...checkpoint, latest } }),
    );
    return status < 300 ? succeeded : failed(text);
  }

  async #preview(request: EngineRequest, url: string, wanted: Wanted): Promise<EngineResult> {
    const { resources } = await this.#read(request.stack, url);
    const tell = (op: string, { urn, type }: Pick<RawResource, 'urn' | 'type'>, changed: readonly string[] = []): void => {
      const name = urn.split('::').at(-1) ?? urn;
      request.onStep?.({ phase: 'started', op, urn, type, name, changed, replacing: [] } satisfies EngineStep);
    };
    const cloud = resources.filter(({ custom, type }) => isCloudObject({ custom: custom ?? false, external: false, type }));
    for (const [name, different] of Object.entries(wanted)) {
      const inputs: Properties = { ...different, ...taggedInputs(name) };
      const urn = urnOf(name);
      request.onPlanned?.({ urn, type: raw(name).type, parent: root.urn, provider: '', protect: false, retainOnDelete: false, inputs });
      const entry = cloud.find((each) => each.urn === urn && each.delete !== true);
      if (!entry) tell('create', raw(name));
      else if (entry.pendingReplacement === true) for (const op of ['create-replacement', 'replace']) tell(op, entry);
      else if (entry.inputs?.['cidrBlock'] !== inputs['cidrBlock'])
        for (const op of ['create-replacement', 'replace', 'delete-replaced']) tell(op, entry, ['cidrBlock']);
      else tell(JSON.stringify(entry.inputs) === JSON.stringify(inputs) ? 'same' : 'update', entry);
    }
    for (const entry of cloud) {
      if (entry.delete === true) tell('delete-replaced', entry);
      else if (!(entry.urn.split('::').at(-1) ?? '' in wanted) || !Object.keys(wanted).some((name) => urnOf(name) === entry.urn))
        tell('delete', entry);
    }
    return succeeded;
  }

  async #cancel({ stack }: EngineRequest, url: string): Promise<EngineResult> {
    // It selects the stack first.
    const [there] = await this.#send('GET', url + checkpointKey(stack));
    if (there !== 200) return failed(`no stack named '${stack}' found`);
    const [, listed] = await this.#send('GET', `${url}?list-type=2&prefix=${encodeURIComponent(lockFolder(stack))}`);
    for (const [, key = ''] of listed.matchAll(/<Key>([^<]*)<\/Key>/g)) {
      const [status, text] = await this.#send('DELETE', url + key);
      if (status >= 300) return failed(/<Message>(.*?)<\/Message>/s.exec(text)?.[1] ?? text);
    }
    return succeeded;
  }

  async #read(stack: string, url: string): Promise<{ checkpoint: RawCheckpoint['checkpoint']; resources: readonly RawResource[] }> {
    const [status, text] = await this.#send('GET', url + checkpointKey(stack));
    if (status === 404) return { checkpoint: {}, resources: [] };
    const read = readDeployment(text);
    if (status !== 200 || !read.ok) throw new Error(`the engine got ${status}: ${text}`);
    return { checkpoint: read.raw.checkpoint, resources: read.deployment.resources.map((resource) => resource.raw) };
  }

  async #send(method: 'GET' | 'PUT' | 'DELETE', url: string, body?: string): Promise<readonly [number, string]> {
    this.busy += 1;
    try {
      return await new Promise((resolve, reject) => {
        const sending = httpRequest(url, { method }, (answer) => {
          let said = '';
          answer.on('data', (part: Buffer) => (said += part.toString())).on('end', () => resolve([answer.statusCode ?? 0, said]));
        });
        sending.on('error', reject).end(body);
      });
    } finally {
      this.busy -= 1;
    }
  }
}

import { PutObjectCommand } from '@aws-sdk/client-s3';
import { policyOf } from '../../orchestrator/aws/permissions/policy.ts';
import { readRecord } from '../../orchestrator/ownership/records.ts';
import { contentOf } from '../../orchestrator/state/checkpoints.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { runHere } from '../support/in-process.ts';
import { lockOf } from '../unit/support/owner.ts';
import { following, stack, upstream } from './forged-objects.ts';
import type { Following, ForgedObject, Sight } from './forged-objects.ts';
import { network } from './parts.ts';
import { answer, clientsOf } from './role-clients.ts';
import type { Room } from './room.ts';

/** What a command did: the same for two labs that begin alike. */
export interface Done {
  readonly exitCode: number | null;
  /** That changed EC2. */
  readonly calls: readonly string[];
  /** What the states and the records of the network say afterwards; undefined where that is what they said before. */
  readonly wrote: unknown;
}

export type AllDone = Readonly<Record<Following, Done>>;

/** With something to do in the stack. */
const changed = network.replace('private: { a: 10.1.0.0/24 }', 'private: { a: 10.1.0.0/24, b: 10.1.1.0/24 }');

/** One who has a session of a role, and puts what the role is not for. */
export class Forger {
  readonly #room: Room;
  readonly #without = new Map<ForgedObject['begin'], Promise<AllDone>>();

  constructor(room: Room) {
    this.#room = room;
  }

  async begin(name: ForgedObject['begin']): Promise<Sight> {
    const { rig, store } = this.#room;
    await this.#room.begin(name);
    await rig.writeNetwork(changed);
    const there = await readRecord(store, stack);
    if (there.kind !== 'there') throw new Error(`${stack} has no record`);
    const { record } = there;
    const body = async (key: string): Promise<string> => (await store.get(key))?.body ?? '';
    const interrupted = 'run' in record ? record.run : undefined;
    const run = interrupted?.by;
    const verifiedBy = record.verified.kind === 'at' ? record.verified.run : 'forged';
    return {
      record,
      owner: run ?? lockOf(stack, 'forged'),
      run: run?.run ?? verifiedBy,
      nonce: run?.nonce ?? 'forged',
      digest: interrupted?.program?.digest ?? '',
      checkpoint: await body(checkpointKey(stack)),
      upstreamCheckpoint: await body(checkpointKey(upstream)),
    };
  }

  /** @returns what S3 answers each of the puts: `done`, or the name of its error */
  async put(role: ForgedObject['role'], objects: readonly ForgedObject[], sight: Sight): Promise<readonly string[]> {
    const { rig } = this.#room;
    const { s3, close } = await clientsOf(rig, role, policyOf(role, await this.#room.spec()));
    const answers: string[] = [];
    for (const { key, body, over } of objects) {
      const condition = over === undefined ? { IfNoneMatch: '*' } : {};
      const call = s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key(sight), Body: body(sight), ...condition }));
      answers.push(await answer(call));
    }
    close();
    return answers;
  }

  /** The commands one after another, over what there is. @returns also what they printed */
  async follow(): Promise<{ readonly done: AllDone; readonly said: string }> {
    const { rig } = this.#room;
    const all: [string, Done][] = [];
    let said = '';
    let before = await this.#world();
    for (const [name, args] of Object.entries(following)) {
      const last = await rig.lastCall();
      const { exitCode, stdout, stderr } = await runHere(rig, args);
      said += `\n$ ${name}\n${stdout}${stderr}`;
      const calls = (await rig.calls({ service: 'ec2', mutating: true, since: last })).map(({ action }) => action).sort();
      const after = await this.#world();
      all.push([name, { exitCode, calls, wrote: after === before ? undefined : (JSON.parse(after) as unknown) }]);
      before = after;
    }
    return { done: Object.fromEntries(all) as AllDone, said };
  }

  /** What the commands do where nothing was forged. */
  without(begin: ForgedObject['begin']): Promise<AllDone> {
    const known = this.#without.get(begin) ?? this.begin(begin).then(async () => (await this.follow()).done);
    this.#without.set(begin, known);
    return known;
  }

  /** What states and records of the file's stacks say, without what AWS calls its objects and when that was. */
  async #world(): Promise<string> {
    const { store } = this.#room;
    const stacks = await Promise.all(
      [upstream, stack, 'small.route-tables.one'].map(async (name) => {
        const state = await store.get(checkpointKey(name));
        const read = await readRecord(store, name);
        const record = read.kind === 'there' ? read.record : undefined;
        return {
          name,
          state: state && (contentOf(state) === undefined ? 'unreadable' : resourcesOf(state.body)),
          record: record && [record.phase, record.verified.kind, record.frozen !== undefined, record.disowned],
        };
      }),
    );
    return JSON.stringify(stacks);
  }
}

const resourcesOf = (body: string): unknown => {
  const { checkpoint } = JSON.parse(body) as {
    readonly checkpoint: { readonly latest?: { readonly resources?: readonly { readonly urn: string; readonly inputs?: object }[] } };
  };
  const resources = (checkpoint.latest?.resources ?? []).map(({ urn, inputs }) => [urn, inputs]);
  return JSON.parse(JSON.stringify(resources).replaceAll(/\b([a-z]+(?:-[a-z]+)*)-[0-9a-f]{8,17}\b/g, '$1-0'));
};

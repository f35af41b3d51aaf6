import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClients } from '../../orchestrator/aws/clients.ts';
import type { Clients } from '../../orchestrator/aws/clients.ts';
import { lookAtInventory } from '../../orchestrator/aws/inventory.ts';
import { resourceTypeOf, resourceTypes } from '../../orchestrator/aws/resource-types/index.ts';
import { lookUpTrail } from '../../orchestrator/aws/trail.ts';
import { trailObjects } from '../../orchestrator/inventory/trail-objects.ts';
import type { TrailObject } from '../../orchestrator/inventory/trail-objects.ts';
import { isCloudObject, readDeployment } from '../../orchestrator/state/deployment.ts';
import type { Properties, StateResource } from '../../orchestrator/state/deployment.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { nightly } from '../support/tier.ts';

const stacks = ['transit-gateway', 'vpc.one', 'member.one', 'route-tables.one', 'segment.main', 'guardrails'].map(
  (short) => `small.${short}`,
);
const network = `${smallNetwork}guardrails:
  metric: {}
  topic: { subscriptions: [{ protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:111122223333:pager" }] }
`;

const nameOf = ({ type, id }: { readonly type: string; readonly id: string | undefined }): string => `${type} ${id ?? '?'}`;

/** What CloudTrail has of a whole life of a network, by the key of the session that did it. In this order: each step begins with what the one before has left. */
describe('the trail of a network', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let clients: Clients;
  let session: Record<string, string>;
  const begun = new Date();

  beforeAll(async () => {
    rig = await LabRig.start(network);
    session = await rig.session(7200);
    const credentials = { accessKeyId: 'AKIARECOVERY', secretAccessKey: 'test' };
    clients = openClients({ kind: 'LAB', lab: rig.record }, rig.record.region, () => ({
      source: 'the test',
      credentials,
      expiry: 'never',
      renew: undefined,
    }));
  });
  afterAll(async () => {
    clients.destroy();
    await rig.stop();
  });

  const key = (): string => session['AWS_ACCESS_KEY_ID'] ?? '';

  const said = async (
    by: { readonly accessKeyIds: readonly string[] } | { readonly sessionName: string },
  ): Promise<readonly TrailObject[]> => {
    const { signal } = new AbortController();
    const found = await lookUpTrail(clients, { ...by, from: new Date(begun.getTime() - 60_000), to: new Date(), signal });
    if (!found.ok) throw new Error(`${found.code}: ${found.message}`);
    return trailObjects(found.value);
  };

  const namesOf = (objects: readonly TrailObject[], act: TrailObject['act']): string[] =>
    objects
      .filter((object) => object.act === act)
      .map(nameOf)
      .sort();

  /** Cloud objects of every checkpoint, with the stack that has them. */
  const recorded = async (): Promise<readonly (StateResource & { readonly stack: string })[]> => {
    const read = stacks.map(async (stack) => {
      const { Body } = await rig.s3.send(new GetObjectCommand({ Bucket: rig.record.bucket, Key: checkpointKey(stack) }));
      const state = readDeployment((await Body?.transformToString()) ?? '');
      if (!state.ok) throw new Error(state.why);
      return state.deployment.resources.filter(isCloudObject).map((resource) => ({ ...resource, stack }));
    });
    return (await Promise.all(read)).flat();
  };

  let made: string[];

  it('has every object of the state, and of AWS, under the id that they have', async () => {
    const up = await rig.holdfast(['up', '--yes'], session);
    expect(up.stdout).toContain('6 applied');
    const state = await recorded();
    const named = state.flatMap(({ type, id = '' }) => (resourceTypeOf(type)?.find.how === 'by-id' ? [{ type, id }] : []));
    const looked = await lookAtInventory(clients, { stacks, installation: undefined, known: new Map(), named }, Date.now);
    if (!looked.ok) throw new Error(looked.message);
    made = namesOf(await said({ accessKeyIds: [key()] }), 'made');
    const inAws = looked.value.objects.filter(({ madeBy }) => madeBy === 'somebody');
    expect({ state: state.map(nameOf).sort(), aws: inAws.map(nameOf).sort() }).toEqual({ state: made, aws: made });
  });

  it('has every type of object', async () => {
    const objects = await said({ accessKeyIds: [key()] });
    expect([...new Set(objects.map(({ type }) => type))].sort()).toEqual(resourceTypes.map(({ token }) => token).sort());
  });

  it('says of each whose resource it is, or by what key it is told from others', async () => {
    const objects = (await said({ accessKeyIds: [key()] })).filter(({ act }) => act === 'made');
    const keyOf = (type: string, properties: Properties | undefined) => resourceTypeOf(type)?.keyOf?.(properties ?? {});
    const told = objects.map((object) => {
      const { 'holdfast:stack': stack = '?', 'holdfast:resource': resource = '?' } = object.tags ?? {};
      return [nameOf(object), object.tags ? `${stack}/${resource}` : keyOf(object.type, object.key)] as const;
    });
    const wanted = (await recorded()).map((resource) => {
      const isTold = resourceTypeOf(resource.type)?.by === 'tag';
      return [nameOf(resource), isTold ? `${resource.stack}/${resource.name}` : keyOf(resource.type, resource.outputs)] as const;
    });
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(wanted));
  });

  it('has them by the name of the session as well', async () => {
    expect(namesOf(await said({ sessionName: 'test' }), 'made')).toEqual(made);
  });

  it('has nothing of them by the key of another session', async () => {
    const other = await rig.session(7200);
    expect(await said({ accessKeyIds: [other['AWS_ACCESS_KEY_ID'] ?? ''] })).toEqual([]);
  });

  it('has what was changed in place, and nothing made for that', async () => {
    const [gateway] = (await recorded()).filter(({ name }) => name === 'gateway');
    await rig.writeNetwork(`${network}gateway: { description: changed }\n`);
    const up = await rig.holdfast(['up', '--yes'], session);
    expect(up.exitCode).toBe(0);
    const objects = await said({ accessKeyIds: [key()] });
    expect([
      namesOf(objects, 'made'),
      objects.filter(({ act, name }) => act === 'changed' && name === 'ModifyTransitGateway').map(({ id }) => id),
    ]).toEqual([made, [gateway?.id]]);
  });

  nightly('has the end of each once it is destroyed', async () => {
    const destroyed = await rig.holdfast(['destroy', '--yes'], session);
    expect(destroyed.stdout).toContain('6 destroyed');
    expect(namesOf(await said({ accessKeyIds: [key()] }), 'deleted')).toEqual(made);
  });
});

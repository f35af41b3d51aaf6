import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Call } from '../../lab/proxy/calls.ts';
import { startEngineLab } from './plugin-lab.ts';
import type { EngineLab } from './plugin-lab.ts';
import { comparable, formOf, isRead, readRecordings } from './recordings.ts';
import type { ComparableCall, RecordedCall } from './recordings.ts';
import { recordedProgram, unrecordedSubnet } from './recordings-program.ts';

/**
 * The plugin does to AWS what was recorded of the AWS provider: the ids that it keeps, what it takes to import, the calls that change
 * something. The inventory, the recovery table and a role's permissions are made of these. All resources in one stack, in four runs.
 */

const recordings = readRecordings();
const names = Object.keys(recordings);

type Phase = 'create' | 'update' | 'delete';

/** Recorded calls that moto caused, and the emulator's repairs do not. */
const causedByMoto: readonly {
  readonly resource: string;
  readonly phase: Phase;
  readonly actions: readonly string[];
  readonly why: string;
}[] = [
  {
    resource: 'aws_ec2_transit_gateway_vpc_attachment.x',
    phase: 'create',
    actions: ['EnableTransitGatewayRouteTablePropagation'],
    why: 'moto gave a gateway that has no defaults a default route table all the same',
  },
  {
    resource: 'aws_ec2_transit_gateway_route_table_association.x',
    phase: 'create',
    actions: ['CreateTags'],
    why: 'moto had dropped the tags of the attachment, which were put back beside it',
  },
  {
    resource: 'aws_ec2_transit_gateway_route.x',
    phase: 'update',
    actions: ['DeleteTransitGatewayRoute', 'CreateTransitGatewayRoute'],
    why: 'moto had lost the attachment of the route, which was made anew for that',
  },
];

function recordedChanges(resource: string, phase: Phase): ComparableCall[] {
  const left = causedByMoto.filter((cause) => cause.resource === resource && cause.phase === phase).flatMap(({ actions }) => actions);
  const calls = recordings[resource]?.[phase]?.calls ?? [];
  return calls.filter((call) => !isRead(call) && !left.includes(call.action)).map(comparable);
}

const recordedIn = (phase: Phase) => names.filter((name) => recordedChanges(name, phase).length > 0);

/** What is imported by something else than its id; in the recordings' own ids. */
const importIds: Readonly<Record<string, (id: (name: string) => string) => string>> = {
  'aws_route.x': (id) => `${id('aws_route_table.x')}_10.0.0.0/8`,
  'aws_route_table_association.x': (id) => `${id('aws_subnet.x')}/${id('aws_route_table.x')}`,
};

const stateSchema = z.object({
  checkpoint: z.object({
    latest: z.object({
      resources: z.array(
        z.looseObject({
          urn: z.string(),
          id: z.string().default(''),
          inputs: z.record(z.string(), z.unknown()).default({}),
          outputs: z.record(z.string(), z.unknown()).default({}),
        }),
      ),
    }),
  }),
});
type State = Record<string, z.infer<typeof stateSchema>['checkpoint']['latest']['resources'][number]>;

const project = 'recordings';
let lab: EngineLab;
const changes: Record<Phase | 'import', ComparableCall[]> = { create: [], update: [], import: [], delete: [] };
let made: State;
let imported: State;
let reads: Call[];

beforeAll(async () => {
  lab = await startEngineLab(project);
  const up = async (stack: string, program: ReturnType<typeof recordedProgram>, exists: boolean): Promise<ComparableCall[]> => {
    const since = await lab.lastCall();
    const result = await lab.engine.up(lab.request({ stack, program, exists }));
    if (result.outcome !== 'succeeded') throw new Error(JSON.stringify(result, null, 2));
    return (await lab.calls({ mutating: 'true', since: String(since) })).map(comparable);
  };
  changes.create = await up('made', recordedProgram({ version: 1 }), false);
  changes.update = await up('made', recordedProgram({ version: 2 }), true);
  made = await readState('made');
  const idOf = (name: string): string => made[name]?.id ?? '';
  const imports = Object.fromEntries([...names, unrecordedSubnet].map((name) => [name, importIds[name]?.(idOf) ?? idOf(name)]));
  changes.import = await up('imported', recordedProgram({ version: 2, imports }), false);
  imported = await readState('imported');
  changes.delete = await up('made', recordedProgram({ version: 2, withoutLeaves: true }), true);
  reads = (await lab.calls({ mutating: 'false' })).filter(({ service }) => service !== 'sts');
}, 240_000);

afterAll(() => lab.stop());

async function readState(stack: string): Promise<State> {
  const state = stateSchema.parse(JSON.parse(await readFile(join(lab.backend, '.pulumi', 'stacks', project, `${stack}.json`), 'utf8')));
  return Object.fromEntries(state.checkpoint.latest.resources.map((resource) => [resource.urn.split('::').at(-1) ?? '', resource]));
}

describe.each(names)('%s', (name) => {
  it('has an id of the recorded form', () => {
    expect(formOf(made[name]?.id ?? '')).toBe(formOf(recordings[name]?.create.attributes.id ?? ''));
  });

  it('is imported by an id of the recorded form', () => {
    const recordedId = (other: string): string => recordings[other]?.create.attributes.id ?? '';
    expect(importIds[name]?.(recordedId) ?? recordedId(name)).toBe(recordings[name]?.import.id);
  });

  it('has the same id when it is imported', () => {
    expect(imported[name]?.id).toBe(made[name]?.id);
  });

  it('has the inputs that it was made with when it is imported', () => {
    const given = Object.entries(made[name]?.inputs ?? {}).filter(([input]) => !input.startsWith('__'));
    const outputs = Object.entries(imported[name]?.outputs ?? {});
    expect(Object.fromEntries(outputs.map(withoutOrder))).toMatchObject(Object.fromEntries(given.map(withoutOrder)));
  });
});

describe.each(['create', 'update', 'delete'] as const)('%s', (phase) => {
  it.each(recordedIn(phase))('of %s makes the recorded calls', (name) => {
    const recorded = recordedChanges(name, phase);
    const actions = new Set(recorded.map(({ action }) => action));
    expect(changes[phase].filter(({ action }) => actions.has(action))).toEqual(expect.arrayContaining(recorded));
  });

  it('changes nothing that was not recorded', () => {
    const unrecorded = changes[phase].filter(({ tags }) => !tags.includes('TagSpecification.1.Tag second=subnet'));
    const recorded = names.flatMap((name) => recordedChanges(name, phase));
    expect(inOrder(unrecorded)).toEqual(inOrder(recorded));
  });
});

it('changes nothing when it imports', () => {
  expect(changes.import).toEqual([]);
});

it('asks AWS nothing that was not recorded', () => {
  const shapeOf = ({ action, params }: RecordedCall): string => `${action}(${Object.keys(params).sort().join(', ')})`;
  const recorded = Object.values(recordings).flatMap((recording) =>
    [recording.create, recording.update, recording.import, recording.delete].flatMap(
      (phase) => phase?.calls.filter(isRead).map(shapeOf) ?? [],
    ),
  );
  expect([...new Set(reads.map(shapeOf))].filter((shape) => !recorded.includes(shape))).toEqual([]);
});

it.each(causedByMoto)('knows the recorded $actions of $resource as caused by moto: $why', ({ resource, phase, actions }) => {
  expect(recordings[resource]?.[phase]?.calls.map(({ action }) => action)).toEqual(expect.arrayContaining([...actions]));
});

/** The lists of these types are sets, which the provider gives back by their members' hashes. */
const withoutOrder = ([name, value]: [string, unknown]): [string, unknown] => [name, Array.isArray(value) ? value.toSorted() : value];

const inOrder = (calls: readonly ComparableCall[]): string[] => calls.map((call) => JSON.stringify(sorted(call))).sort();

const sorted = ({ action, params, tags }: ComparableCall): unknown => [action, Object.entries(params).sort(), tags];

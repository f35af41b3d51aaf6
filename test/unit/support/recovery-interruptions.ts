import type { RawResource } from '../../../orchestrator/state/deployment.ts';
import type { Wanted } from './recovery-engine.ts';
import type { RecoverRequest, RecoveryRig } from './recovery-rig.ts';
import { bodyOf, pending, provider, providerRef, raw, root, stackUrn, tagged, taggedInputs } from './recovery.ts';

/** Ways in which a run may be interrupted, and what a recovery of each has to end with. */

export const cidr = (n: number): { readonly cidrBlock: string } => ({ cidrBlock: `10.${n}.0.0/16` });

/** A VPC as the checkpoint has it. */
export const recorded = (name: string, n: number, id?: string, more: object = {}): RawResource =>
  raw(name, {
    inputs: { ...cidr(n), ...taggedInputs(name) },
    outputs: cidr(n),
    provider: providerRef,
    parent: stackUrn,
    ...(id === undefined ? {} : { id }),
    ...more,
  });

/** The same as AWS has it. */
export const live = (name: string, n: number, id: string) => tagged(id, name, { properties: cidr(n) });

export const stateOf = (resources: readonly RawResource[], operations: Parameters<typeof bodyOf>[1] = []): string =>
  bodyOf([root, provider, ...resources], operations);

export interface Interruption {
  readonly wanted: Wanted;
  readonly interrupt: (rig: RecoveryRig) => Promise<void>;
  readonly options?: Pick<RecoverRequest, 'answers' | 'options'>;
  /** What the checkpoint has in the end. */
  readonly ends: readonly string[];
  /** It is also cut at every call. */
  readonly everyCall?: true;
}

const old = recorded('old', 0, 'vpc-old');

/** The stack has one VPC before. */
function deployed(rig: RecoveryRig): void {
  rig.cloud.add(live('old', 0, 'vpc-old'));
  rig.write(stateOf([old]));
}

/** AWS made what was being created, and nobody wrote that down. */
export async function interruptedCreate(rig: RecoveryRig): Promise<void> {
  deployed(rig);
  await rig.interrupted(() => {
    rig.write(stateOf([old], [pending('creating', recorded('vpc', 1))]));
    rig.cloud.add(live('vpc', 1, 'vpc-new'));
  });
}

export const interruptions = {
  'a create': {
    wanted: { old: cidr(0), vpc: cidr(1) },
    interrupt: interruptedCreate,
    ends: ['old vpc-old', 'vpc vpc-new'],
    everyCall: true,
  },
  'a create that never reached AWS': {
    wanted: { old: cidr(0), vpc: cidr(1) },
    interrupt: async (rig) => {
      deployed(rig);
      await rig.interrupted(() => void rig.write(stateOf([old], [pending('creating', recorded('vpc', 1))])));
    },
    ends: ['old vpc-old'],
  },
  'a create of which the plugin was killed': {
    wanted: { old: cidr(0), vpc: cidr(1) },
    interrupt: async (rig) => {
      deployed(rig);
      await rig.interrupted(() => {
        rig.write(stateOf([old], [pending('creating', recorded('vpc', 1))]));
        rig.cloud.add(live('vpc', 1, 'vpc-new'));
        rig.write(stateOf([old]));
      });
    },
    ends: ['old vpc-old', 'vpc vpc-new'],
  },
  'a create from nothing': {
    wanted: { vpc: cidr(1) },
    interrupt: (rig) =>
      rig.interrupted(() => {
        rig.write(stateOf([], [pending('creating', recorded('vpc', 1))]));
        rig.cloud.add(live('vpc', 1, 'vpc-new'));
      }),
    ends: ['vpc vpc-new'],
  },
  'a run that died before its first checkpoint': {
    wanted: { vpc: cidr(1) },
    interrupt: (rig) => rig.interrupted(() => undefined),
    ends: [],
    everyCall: true,
  },
  'a destroy that was done': {
    wanted: {},
    interrupt: async (rig) => {
      deployed(rig);
      await rig.interrupted(
        () => {
          rig.write(stateOf([old], [pending('deleting', old)]));
          rig.cloud.remove('vpc-old');
          rig.write(stateOf([]));
          rig.removeCheckpoint();
        },
        { operation: 'destroy' },
      );
    },
    ends: [],
    everyCall: true,
  },
  'a destroy in the middle': {
    wanted: {},
    interrupt: async (rig) => {
      deployed(rig);
      await rig.interrupted(() => void rig.write(stateOf([old], [pending('deleting', old)])), { operation: 'destroy' });
    },
    ends: ['old vpc-old'],
  },
  'a replacement that creates first': {
    wanted: { old: cidr(9) },
    interrupt: async (rig) => {
      deployed(rig);
      await rig.interrupted(() => {
        rig.write(stateOf([old], [pending('creating', recorded('old', 9))]));
        rig.cloud.add(live('old', 9, 'vpc-new'));
      });
    },
    ends: ['-old vpc-old', 'old vpc-new'],
  },
  'a replacement that creates first, and never reached AWS': {
    wanted: { old: cidr(9) },
    interrupt: async (rig) => {
      deployed(rig);
      await rig.interrupted(() => void rig.write(stateOf([old], [pending('creating', recorded('old', 9))])));
    },
    ends: ['old vpc-old'],
  },
  'a replacement that deletes first': {
    wanted: { old: cidr(9) },
    interrupt: async (rig) => {
      deployed(rig);
      const away = { ...old, pendingReplacement: true };
      await rig.interrupted(() => {
        rig.write(stateOf([old], [pending('deleting', old)]));
        rig.cloud.remove('vpc-old');
        rig.write(stateOf([away]));
        rig.write(stateOf([away], [pending('creating', recorded('old', 9))]));
        rig.cloud.add(live('old', 9, 'vpc-new'));
      });
    },
    ends: ['old vpc-new'],
  },
  'a replacement that deletes first, between the two': {
    wanted: { old: cidr(9) },
    interrupt: async (rig) => {
      deployed(rig);
      await rig.interrupted(() => {
        rig.write(stateOf([old], [pending('deleting', old)]));
        rig.cloud.remove('vpc-old');
        rig.write(stateOf([{ ...old, pendingReplacement: true }]));
      });
    },
    ends: ['~old vpc-old'],
  },
  'a create that made two, of which a person leaves one': {
    wanted: { old: cidr(0), vpc: cidr(1) },
    interrupt: async (rig) => {
      await interruptedCreate(rig);
      rig.cloud.add(live('vpc', 1, 'vpc-second'));
    },
    options: { answers: [{ resource: 'vpc', answer: 'delete', id: 'vpc-second' }] },
    ends: ['-vpc vpc-second', 'old vpc-old', 'vpc vpc-new'],
  },
} satisfies Readonly<Record<string, Interruption>>;

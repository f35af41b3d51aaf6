import { z } from 'zod';
import { parseJson } from './read-json.ts';

/**
 * The inside of a checkpoint, in full: what recovery works on and inventory compares with, and of which `checkpoints.ts` tells what a run asks. A
 * deployment is Pulumi's own word for it.
 * @see https://github.com/pulumi/pulumi sdk/go/common/apitype/core.go, `DeploymentV3`, `ResourceV3`, `OperationV2`
 */
export interface Deployment {
  readonly resources: readonly StateResource[];
  readonly operations: readonly StateOperation[];
}

export interface StateResource {
  readonly urn: string;
  /** Type token, as in `aws:ec2/vpc:Vpc`. */
  readonly type: string;
  /** The last part of the URN: its name in the program. */
  readonly name: string;
  /** False for components, of which the cloud has nothing. */
  readonly custom: boolean;
  readonly id: string | undefined;
  readonly inputs: Properties;
  readonly outputs: Properties;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  /** Read by the program, and not managed. */
  readonly external: boolean;
  /** Replaced by another one of the same URN, and to be deleted: `delete` in the state. */
  readonly condemned: boolean;
  /** Deleted, and not yet replaced: `pendingReplacement` in the state. */
  readonly replacing: boolean;
  /** As it stands in the checkpoint, with everything that is not named here. */
  readonly raw: RawResource;
}

export type Properties = Readonly<Record<string, unknown>>;

export interface StateOperation {
  readonly type: OperationType;
  readonly resource: StateResource;
}

const operationTypes = ['creating', 'updating', 'deleting', 'reading', 'importing'] as const;

export type OperationType = (typeof operationTypes)[number];

const properties = z.record(z.string(), z.unknown());

const resourceSchema = z.looseObject({
  urn: z.string().min(1),
  type: z.string().min(1),
  custom: z.boolean().optional(),
  id: z.string().optional(),
  inputs: properties.optional(),
  outputs: properties.optional(),
  parent: z.string().optional(),
  provider: z.string().optional(),
  dependencies: z.array(z.string()).nullish(),
  protect: z.boolean().optional(),
  retainOnDelete: z.boolean().optional(),
  external: z.boolean().optional(),
  delete: z.boolean().optional(),
  pendingReplacement: z.boolean().optional(),
});

export type RawResource = z.infer<typeof resourceSchema>;

const deploymentSchema = z.looseObject({
  resources: z.array(resourceSchema).nullish(),
  pending_operations: z.array(z.looseObject({ type: z.enum(operationTypes), resource: resourceSchema })).nullish(),
});

const checkpointSchema = z.looseObject({
  version: z.number(),
  checkpoint: z.looseObject({ latest: deploymentSchema.nullish() }),
});

export type RawCheckpoint = z.infer<typeof checkpointSchema>;

export type ReadDeployment =
  | { readonly ok: true; readonly deployment: Deployment; readonly raw: RawCheckpoint }
  /** `what` goes on after `the checkpoint`; `why` says the same by itself. */
  | { readonly ok: false; readonly reason: 'malformed' | 'newer-format'; readonly what: string; readonly why: string };

const formatSchema = z.looseObject({ version: z.number() });
/** The newest that is read here. */
const newestFormat = 3;

/**
 * @param body of a checkpoint object, uncompressed
 * @param json what that is as JSON, where it was parsed already
 */
export function readDeployment(body: string, json: unknown = parseJson(body)): ReadDeployment {
  const failed = (what: string, reason: 'malformed' | 'newer-format' = 'malformed') =>
    ({ ok: false, reason, what, why: `it ${what}` }) as const;
  if (json === undefined) return failed('is not JSON');
  // The number first: what else a newer one holds is not known here.
  const { version } = formatSchema.safeParse(json).data ?? {};
  if (version !== undefined && version > newestFormat)
    return failed(`has format ${version}, this Holdfast reads up to ${newestFormat}`, 'newer-format');
  const parsed = checkpointSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return failed(`is not one (${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong shape'})`);
  }
  const { latest } = parsed.data.checkpoint;
  return {
    ok: true,
    raw: parsed.data,
    deployment: {
      resources: (latest?.resources ?? []).map(resourceOf),
      operations: (latest?.pending_operations ?? []).map(({ type, resource }) => ({ type, resource: resourceOf(resource) })),
    },
  };
}

export function resourceOf(raw: RawResource): StateResource {
  return {
    urn: raw.urn,
    type: raw.type,
    name: raw.urn.split('::').at(-1) ?? raw.urn,
    custom: raw.custom ?? false,
    // The engine writes an empty id for what has none yet.
    id: raw.id === '' ? undefined : raw.id,
    inputs: raw.inputs ?? {},
    outputs: raw.outputs ?? {},
    protect: raw.protect ?? false,
    retainOnDelete: raw.retainOnDelete ?? false,
    external: raw.external ?? false,
    condemned: raw.delete ?? false,
    replacing: raw.pendingReplacement ?? false,
    raw,
  };
}

/** Whether the cloud has an object of it: not of components, nor of what the engine itself keeps (providers, references). */
export const isCloudObject = ({ custom, type, external }: Pick<StateResource, 'custom' | 'type' | 'external'>): boolean =>
  custom && !external && !type.startsWith('pulumi:');

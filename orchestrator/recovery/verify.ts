import type { EngineStep } from '../pulumi/engine.ts';
import { isCloudObject } from '../state/deployment.ts';
import type { Deployment } from '../state/deployment.ts';
import type { PlannedOp } from './decision-table.ts';
import { isInDoubt } from './subjects.ts';
import type { Subject } from './subjects.ts';

/**
 * Rule 9: the table decides membership, and a refresh does not. What it dropped although the table kept it is not known to be gone: AWS may only not
 * have shown it in time.
 * @returns what is not as it was decided, each in words
 */
export function membershipProblems(after: Deployment, subjects: readonly Subject[]): readonly string[] {
  const problems = after.operations.map(({ type, resource }) => `${resource.name} is still "${type}"`);
  // Under an id that is made of a key the one that is gone and the one that was made in its place are the same entry.
  const isAdopted = (type: string, id: string): boolean =>
    subjects.some((subject) => subject.row.then === 'adopt' && subject.type === type && subject.id === id);
  for (const { name, type, id, facts, row } of subjects) {
    if (facts.kind !== 'cloud' || id === undefined) continue;
    const entry = after.resources.find((resource) => resource.type === type && resource.id === id);
    switch (row.then) {
      case 'adopt':
      case 'keep':
        if (!entry) problems.push(`the refresh dropped ${name} (${id}), which AWS has`);
        else if (row.then === 'adopt' && entry.condemned) problems.push(`${name} (${id}) is to be deleted, and should be kept`);
        break;
      case 'condemn':
        if (entry?.condemned !== true) problems.push(`${name} (${id}) should be there to be deleted`);
        break;
      case 'forget':
        if (entry && !isAdopted(type, id)) problems.push(`${name} (${id}) is still in the state`);
        break;
      case 'disown':
        if (entry) problems.push(`${name} (${id}) is still in the state`);
        break;
      case 'wait':
      case 'ask':
      case 'duplicate':
        problems.push(`nothing was decided of ${name} (${id})`);
        break;
      default:
        row.then satisfies never;
    }
  }
  return problems;
}

/** What a plan does to a resource. Its parts count as the whole: of a replacement the engine tells three steps. */
export interface PlannedStep {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
  readonly op: PlannedOp;
  readonly changed: readonly string[];
}

const plannedOps: Readonly<Record<string, PlannedOp>> = {
  same: 'same',
  update: 'update',
  create: 'create',
  'create-replacement': 'replace',
  replace: 'replace',
  delete: 'delete',
  // Of what was marked for deletion before.
  'delete-replaced': 'delete',
};

/** Cloud objects alone: the stack, its provider and its references are the engine's own. */
export function plannedSteps(steps: readonly EngineStep[]): readonly PlannedStep[] {
  const replaced = new Set(steps.flatMap(({ op, urn }) => (plannedOps[op] === 'replace' ? [urn] : [])));
  return steps.flatMap(({ phase, urn, name, type, op, changed }) => {
    // A replacement of this very plan is told by its other steps.
    const planned = op === 'delete-replaced' && replaced.has(urn) ? undefined : plannedOps[op];
    if (phase !== 'started' || planned === undefined || !isCloudObject({ custom: true, external: false, type })) return [];
    return [{ urn, name, type, op: planned, changed }];
  });
}

/** What a run was about, as far as the rest of it goes by that. */
export interface Meant {
  /** It was deleting everything: then so does the plan. */
  readonly destroying: boolean;
  /** Resources that carry the traffic of others while those are replaced, by name: a plan takes them away in any case. */
  readonly bridges: ReadonlySet<string>;
}

/** What the plan does that is not the rest of what the run had begun: then something was decided wrongly, or is not known yet. */
export function planProblems(
  steps: readonly PlannedStep[],
  subjects: readonly Subject[],
  { destroying, bridges }: Meant,
): readonly string[] {
  const byUrn = new Map<string, Subject[]>();
  for (const subject of subjects) byUrn.set(subject.urn, [...(byUrn.get(subject.urn) ?? []), subject]);
  return steps.flatMap(({ urn, name, op }) => {
    const ofResource = byUrn.get(urn) ?? [];
    if (!ofResource.some(({ facts }) => isInDoubt(facts)) || (op === 'delete' && (destroying || bridges.has(name)))) return [];
    const allowed = allowedOps(ofResource);
    return allowed === undefined || allowed.has(op) ? [] : [`the plan would ${op} ${name}, which was in doubt`];
  });
}

/** Undefined: anything. What was adopted is there and wanted, whatever else is said of the same resource. */
function allowedOps(subjects: readonly Subject[]): ReadonlySet<PlannedOp> | undefined {
  const plans = subjects.flatMap(({ row }) => (row.plan === undefined ? [] : [row.plan]));
  if (plans.length === 0) return undefined;
  const all = new Set(plans.flat());
  if (subjects.some(({ row }) => row.then === 'adopt')) for (const op of ['create', 'replace'] as const) all.delete(op);
  // Beside what stays: what is in the state to be deleted.
  if (subjects.some(({ row }) => row.then === 'condemn')) all.add('delete');
  return all;
}

/** Whether a plan came to nothing to do. */
export const isEmptyPlan = (steps: readonly PlannedStep[]): boolean => steps.every(({ op }) => op === 'same');

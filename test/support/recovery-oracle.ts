import { paginateDescribeTags } from '@aws-sdk/client-ec2';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { readDeployment } from '../../orchestrator/state/deployment.ts';
import type { Deployment } from '../../orchestrator/state/deployment.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import type { CommandResult, LabRig } from './lab-rig.ts';

export async function objectText(rig: LabRig, key: string, version?: string): Promise<string> {
  const { Body } = await rig.s3.send(
    new GetObjectCommand({ Bucket: rig.record.bucket, Key: key, ...(version === undefined ? {} : { VersionId: version }) }),
  );
  return (await Body?.transformToString()) ?? '';
}

export async function stateOf(rig: LabRig, stack: string): Promise<Deployment> {
  const read = readDeployment(await objectText(rig, checkpointKey(stack)));
  if (!read.ok) throw new Error(read.why);
  return read.deployment;
}

/** Ids of what bears the stack's tags, asked of AWS directly: one for each object that lives. */
export async function taggedIds(rig: LabRig, stack: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { Tags } of paginateDescribeTags(
    { client: rig.ec2 },
    {
      Filters: [
        { Name: 'key', Values: ['holdfast:stack'] },
        { Name: 'value', Values: [stack] },
      ],
    },
  ))
    for (const { ResourceId } of Tags ?? []) if (ResourceId !== undefined) ids.push(ResourceId);
  return ids.sort();
}

/** Of taggable types, as the state has them: also those that are still to be deleted, and not those that already are. */
export function taggableIds({ resources }: Deployment): string[] {
  return resources
    .flatMap(({ id, replacing, outputs }) => (id !== undefined && !replacing && outputs['tagsAll'] !== undefined ? [id] : []))
    .sort();
}

export interface PrintedQuestion {
  readonly question: string;
  readonly answers: readonly { readonly means: string; readonly command: string }[];
}

/** What a command asked of a person, by its `--json`. */
export const questionsIn = ({ events }: CommandResult): readonly PrintedQuestion[] =>
  events.flatMap((event) => (event['type'] === 'question' ? [event['question'] as PrintedQuestion] : []));

/** The arguments of a printed `npm run recover -- …`, as a shell would split them. */
export function argumentsOf(command: string): string[] {
  const [, name = '', rest = ''] = /^npm run (\S+) -- (.*)$/.exec(command) ?? [];
  return [name, ...[...rest.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')];
}

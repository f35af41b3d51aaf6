import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

export const root = fileURLToPath(new URL('../../', import.meta.url));

const stepSchema = z.looseObject({
  id: z.string().optional(),
  name: z.string().optional(),
  if: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  env: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

const jobSchema = z.looseObject({
  name: z.string().optional(),
  if: z.string().optional(),
  needs: z.union([z.array(z.string()), z.string().transform((job) => [job])]).default([]),
  permissions: z.record(z.string(), z.string()),
  strategy: z
    .looseObject({ 'fail-fast': z.boolean(), matrix: z.union([z.string(), z.record(z.string(), z.array(z.number()))]) })
    .optional(),
  environment: z.string().optional(),
  'timeout-minutes': z.number(),
  steps: z.array(stepSchema),
});

/** As much of a workflow as the tests look at; every job of ours says what it may and how long it takes. */
const workflowSchema = z.looseObject({
  permissions: z.record(z.string(), z.string()),
  concurrency: z.looseObject({ group: z.string(), 'cancel-in-progress': z.boolean() }).optional(),
  jobs: z.record(z.string(), jobSchema),
});

const actionSchema = z.looseObject({ runs: z.looseObject({ steps: z.array(stepSchema) }) });

export type Step = z.infer<typeof stepSchema>;
export type Job = z.infer<typeof jobSchema>;
export type Workflow = z.infer<typeof workflowSchema>;

export interface Page<T> {
  /** From the repository's own folder. */
  readonly file: string;
  readonly text: string;
  readonly content: T;
}

const folder = '.github/workflows/';

export async function readWorkflows(): Promise<Page<Workflow>[]> {
  const names = (await readdir(`${root}${folder}`)).filter((name) => /\.ya?ml$/.test(name)).sort();
  return await Promise.all(names.map((name) => read(`${folder}${name}`, workflowSchema)));
}

/** Steps that jobs share. */
export const readAction = async (name: 'holdfast' | 'spool'): Promise<Page<Step[]>> => {
  const page = await read(`.github/actions/${name}/action.yml`, actionSchema);
  return { ...page, content: page.content.runs.steps };
};

async function read<T>(file: string, schema: z.ZodType<T>): Promise<Page<T>> {
  const text = await readFile(`${root}${file}`, 'utf8');
  return { file, text, content: schema.parse(parse(text)) };
}

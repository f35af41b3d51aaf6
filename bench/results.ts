import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { cases, contenders } from './plan.ts';

const measurementSchema = z.object({
  /** Stacks of the network. */
  size: z.int(),
  delayMs: z.int(),
  scale: z.boolean(),
  case: z.enum(cases),
  round: z.int(),
  contender: z.enum(contenders),
  wallSeconds: z.number(),
  cpuSeconds: z.number(),
  peakMb: z.number(),
  /** Absent: they were more than the lab remembers. */
  requests: z.object({ s3: z.int(), ec2: z.int(), other: z.int() }).optional(),
  /** Starts of the engine. */
  engines: z.int().optional(),
  stacks: z.object({ toRun: z.int(), written: z.int(), same: z.boolean() }).optional(),
});

export type Measurement = z.infer<typeof measurementSchema>;

const machineSchema = z.object({
  cores: z.int(),
  processor: z.string(),
  memoryGb: z.number(),
  system: z.string(),
  node: z.string(),
  cli: z.string(),
  plugin: z.string(),
});

export type Machine = z.infer<typeof machineSchema>;

const runSchema = z.object({
  startedAt: z.iso.datetime(),
  /** Absent outside of a clone. */
  commit: z.string().optional(),
  machine: machineSchema,
  /** Of the last minute, before anything was measured. */
  load: z.number(),
  parallel: z.int(),
  measurements: z.array(measurementSchema),
});

export type Run = z.infer<typeof runSchema>;

const resultsSchema = z.object({ schema: z.literal(1), runs: z.array(runSchema) });

export type Results = z.infer<typeof resultsSchema>;

export const noResults: Results = { schema: 1, runs: [] };

/** What is only ever compared within one run. */
const groupOf = ({ size, delayMs, scale, case: which }: Measurement): string => `${size} ${delayMs} ${which} ${scale}`;

/** A group that was measured again takes the place of the old one, whole; what was not stays. */
export function withRun({ runs }: Results, run: Run): Results {
  const anew = new Set(run.measurements.map(groupOf));
  const kept = runs
    .map((old) => ({ ...old, measurements: old.measurements.filter((measurement) => !anew.has(groupOf(measurement))) }))
    .filter(({ measurements }) => measurements.length > 0);
  return { schema: 1, runs: [...kept, run] };
}

export async function readResults(file: URL): Promise<Results> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return noResults;
  }
  return resultsSchema.parse(JSON.parse(text));
}

/** A line for each measurement, so that a difference can be read. */
export function resultsText({ schema, runs }: Results): string {
  const run = ({ measurements, ...about }: Run): string => {
    const head = JSON.stringify(about).slice(0, -1);
    return `${head},"measurements":[\n${measurements.map((measurement) => JSON.stringify(measurement)).join(',\n')}\n]}`;
  };
  return `{"schema":${schema},"runs":[\n${runs.map(run).join(',\n')}\n]}\n`;
}

export async function writeResults(file: URL, results: Results): Promise<void> {
  await writeFile(file, resultsText(results));
}

import { z } from 'zod';
import { CliEngine } from '../../orchestrator/pulumi/engine.ts';
import { vpcs } from './engine-vpcs.ts';

/** An orchestrator of its own process, for a test to kill: it does one up of one VPC. */

const order = z.object({
  settings: z.object({
    project: z.string(),
    cli: z.object({ path: z.string(), version: z.string() }),
    pulumiHome: z.string(),
    pluginDirectory: z.string(),
  }),
  request: z.object({
    stack: z.string(),
    backendUrl: z.string(),
    environment: z.record(z.string(), z.string()),
    marker: z.string(),
  }),
});

export type OrchestratorOrder = z.infer<typeof order>;

const { settings, request } = order.parse(JSON.parse(process.argv[2] ?? ''));
await new CliEngine(settings).up({ ...request, exists: false, program: vpcs(1) });

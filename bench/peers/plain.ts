import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { LocalWorkspace } from '@pulumi/pulumi/automation/index.js';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { z } from 'zod';
import { programSettings } from '../../orchestrator/cli/fingerprint-settings.ts';
import { buildGraph } from '../../orchestrator/graph/graph.ts';
import type { Graph } from '../../orchestrator/graph/graph.ts';
import { readNetwork } from '../../orchestrator/network/read-network.ts';
import type { ProgramSettings } from '../../orchestrator/pulumi/program.ts';
import { project } from '../../orchestrator/state/layout.ts';
import { kinds } from '../../stacks/index.ts';

/** What the peers have in common: the network, and one stack as the documentation of the Automation API has it. */

const orderSchema = z.object({
  networkFile: z.string(),
  installation: z.string(),
  pluginDirectory: z.string(),
  /** For working directories. */
  folder: z.string(),
  parallel: z.int(),
});

export type PeerOrder = z.infer<typeof orderSchema>;

interface Peer {
  readonly graph: Graph;
  readonly settings: ProgramSettings;
  readonly parallel: number;
  readonly up: (stack: string, program: PulumiFn) => Promise<void>;
}

export async function openPeer(): Promise<Peer> {
  const order = orderSchema.parse(JSON.parse(process.argv[2] ?? ''));
  const network = await readNetwork(order.networkFile);
  if (!network.ok) throw new Error(JSON.stringify(network.problems));
  const graph = buildGraph(network.value.spec, kinds);
  if (!graph.ok) throw new Error(JSON.stringify(graph.problems));
  const { spec } = network.value;
  // The type does not know of plugins, and the engine does.
  const projectSettings = {
    name: project,
    runtime: 'nodejs' as const,
    plugins: { providers: [{ name: 'aws', path: order.pluginDirectory }] },
  };
  return {
    graph: graph.value,
    settings: programSettings({ network: network.value }, order.installation),
    parallel: order.parallel,
    async up(stackName, program) {
      const stack = await LocalWorkspace.createOrSelectStack(
        { stackName, projectName: project, program },
        {
          workDir: await mkdtemp(join(order.folder, 'stack-')),
          projectSettings,
        },
      );
      await stack.setConfig('aws:region', { value: spec.region });
      await stack.up();
    },
  };
}

import { stackProgram } from '../../orchestrator/pulumi/program.ts';
import { inOrder } from '../../orchestrator/run/schedule.ts';
import { openPeer } from './plain.ts';

/** The same stacks by a plain loop of the Automation API: each one as soon as what it reads is there, so many at once. */

const { graph, settings, parallel, up } = await openPeer();
const programs = new Map(graph.nodes.map((node) => [node.name, stackProgram(node, settings, () => ({ exists: true }))]));
await inOrder(
  graph.nodes.map(({ name, upstreams }) => ({ name, after: upstreams })),
  parallel,
  (name) => up(name, programs.get(name) ?? (() => Promise.resolve())),
);

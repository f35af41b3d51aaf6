import { stackProgram } from '../../orchestrator/pulumi/program.ts';
import { openPeer } from './plain.ts';

/** The same stacks by a plain loop of the Automation API: each one as soon as what it reads is there, so many at once. */

const { graph, settings, parallel, up } = await openPeer();

let free = parallel;
const waiting: (() => void)[] = [];

async function inTurn(work: () => Promise<void>): Promise<void> {
  if (free > 0) free -= 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }
}

const ended = new Map<string, Promise<void>>();
for (const node of graph.nodes) {
  const upstreams = Promise.all(node.upstreams.flatMap((name) => ended.get(name) ?? []));
  ended.set(
    node.name,
    upstreams.then(() =>
      inTurn(() =>
        up(
          node.name,
          stackProgram(node, settings, () => ({ exists: true })),
        ),
      ),
    ),
  );
}
await Promise.all(ended.values());

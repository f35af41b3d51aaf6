import { fileURLToPath } from 'node:url';
import { parseStackName } from '../domain/stack-name.ts';
import { buildGraph } from '../graph/graph.ts';
import { readNetwork } from '../network/read-network.ts';
import { project } from '../state/layout.ts';
import { kinds } from '../../stacks/index.ts';
import { configuredInstallation, stackProgram } from './program.ts';

/**
 * The program that a stack's name means: its network is the file of the same name under `networks/`.
 * @throws where the name, the file or the stack is not there, in words for the person who ran `pulumi`
 */
export async function programOf(stack: string, networks: URL) {
  const name = parseStackName(stack);
  if (!name) throw new Error(`"${stack}" is not a stack of Holdfast: a name looks like example.vpc.shared`);
  const network = await readNetwork(fileURLToPath(new URL(`${name.network}.yaml`, networks)));
  if (!network.ok) throw new Error(network.problems.map(({ message, file, line }) => `${file ?? ''}:${line ?? ''} ${message}`).join('\n'));
  const graph = buildGraph(network.value.spec, kinds);
  if (!graph.ok) throw new Error(graph.problems.map(({ message }) => message).join('\n'));
  const node = graph.value.byName.get(stack);
  if (!node)
    throw new Error(
      `network ${name.network} has no stack ${stack}; it has ${graph.value.nodes.map(({ name: known }) => known).join(', ')}`,
    );
  const { spec } = network.value;
  const settings = {
    project,
    network: spec.network,
    account: spec.account,
    region: spec.region,
    installation: configuredInstallation(),
    tags: spec.defaults.tags,
    ignoreTags: spec.ignoreTags,
  };
  // Plain `pulumi` has no listing of the state: an upstream that does not exist is an error of the StackReference itself.
  return { node, outputs: await stackProgram(node, settings, () => ({ exists: true }))() };
}

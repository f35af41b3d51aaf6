import { command } from '../domain/command.ts';
import { linesOf, shown } from '../domain/foreign.ts';
import type { Graph } from '../graph/graph.ts';
import type { PathWarning } from '../reachability/json.ts';
import type { Effects } from '../run/effects.ts';
import type { NetworkPlan, PlannedChange, StackPlan } from '../run/events.ts';
import { describeCounts, leftOver, passWord, plural, withName } from './describe.ts';
import { effectsInMarkdown, warningLines } from './effects.ts';
import { codeSpan, fenced, inMarkdown } from './markdown.ts';
import { nodeId, toMermaid } from './mermaid.ts';

/** What the page is about. */
export interface PlannedWhere {
  readonly network: string;
  readonly account: string;
  readonly region: string;
  readonly target: 'LAB' | 'REAL';
}

/** GitHub draws no summary of more than 1 MiB, and nobody reads one: what is only made is counted, and of the rest so many are named. */
const namedAtMost = 200;

/** More stacks are not seen as a picture. */
const drawnAtMost = 150;

/** A plan as a page that GitHub, GitLab and most wikis show, with the graph as a picture in which what changes is marked. */
export function planMarkdown(planned: NetworkPlan, graph: Graph, { network, account, region, target }: PlannedWhere): string {
  const plan = shown(planned);
  const changed = plan.stacks.filter(({ hasChanges }) => hasChanges);
  const named = changed.flatMap((stack) =>
    stack.changes.filter(({ op }) => op !== 'create' || stack.exists).map((change) => ({ stack, change })),
  );
  const same = plan.stacks.length - changed.length;
  return [
    `## Plan of ${network}`,
    '',
    `Account ${account}, ${region}, ${target}. ${heading(plan, changed)}`,
    '',
    ...(changed.length === 0
      ? []
      : [
          '| stack | create | update | replace | delete |',
          '| --- | --: | --: | --: | --: |',
          ...changed.map(({ short, nameInFile, exists, leaves, counts }) =>
            row(
              `${inMarkdown(withName(short, nameInFile))}${leaves ? ' (has left the file)' : exists ? '' : ' (new)'}`,
              ...[counts.create, counts.update, counts.replace, counts.delete].map((n) => (n === 0 ? '' : String(n))),
            ),
          ),
          '',
        ]),
    ...(changed.length > 0 && same > 0 ? [`${plural(same, 'stack')} unchanged.`, ''] : []),
    ...(named.length === 0
      ? []
      : [
          '| | resource | what |',
          '| --- | --- | --- |',
          ...named.slice(0, namedAtMost).map(({ stack, change }) => changeRow(stack, change)),
          '',
          ...(named.length > namedAtMost ? [`and ${named.length - namedAtMost} more.`, ''] : []),
        ]),
    ...(plan.passes.length < 2
      ? []
      : [
          'It is carried out in passes:',
          '',
          ...plan.passes.map(
            ({ kind, stacks }, index) => `${index + 1}. ${passWord[kind]}: ${stacks.map(({ short }) => inMarkdown(short)).join(', ')}`,
          ),
          '',
        ]),
    ...effectsPart(plan.effects),
    ...warningsPart(plan.warnings ?? []),
    ...plan.failed.flatMap(({ short, errors }) => [
      `**${inMarkdown(short)} cannot be planned:**`,
      '',
      fenced('text', errors.flatMap(linesOf).join('\n')),
      '',
    ]),
    ...plan.notInFile.flatMap(({ short, resources }) => [
      `Not in the network file any more: ${inMarkdown(short)} (${plural(resources, 'resource')}). It stays. Destroy it with ${codeSpan(command('destroy', short))}, or all that has left the file with ${codeSpan(command('up', { prune: true }))}.`,
      '',
    ]),
    ...(graph.nodes.length > drawnAtMost
      ? [`The graph has ${graph.nodes.length} stacks, too many for a picture: \`${command('graph')}\`.`]
      : [fenced('mermaid', [toMermaid(graph), ...marked(graph, changed)].join('\n'))]),
    '',
  ].join('\n');
}

function effectsPart(effects: Effects | undefined): string[] {
  const lines = effects === undefined ? [] : effectsInMarkdown(effects);
  return lines.length === 0 ? [] : ['Who can reach whom:', '', fenced('diff', lines.join('\n')), ''];
}

function warningsPart(warnings: readonly PathWarning[]): string[] {
  return warnings.length === 0 ? [] : ['Warnings:', '', fenced('text', warningLines(warnings).join('\n')), ''];
}

function heading(plan: NetworkPlan, changed: readonly StackPlan[]): string {
  if (plan.failed.length > 0) return `**${plural(plan.failed.length, 'stack')} cannot be planned.**`;
  if (changed.length === 0) return `Nothing to do: ${plural(plan.stacks.length, 'stack')} unchanged.`;
  const total = { create: 0, update: 0, replace: 0, delete: 0, same: 0 };
  for (const { counts } of changed) for (const op of ['create', 'update', 'replace', 'delete'] as const) total[op] += counts[op];
  return `**${describeCounts(total)}** in ${plural(changed.length, 'stack')}.`;
}

const sign = { create: '+', update: '~', replace: '±', delete: '−' } as const;

function changeRow({ short }: StackPlan, { op, name, type, changed, replacing, condemned }: PlannedChange): string {
  const paths = condemned ? [leftOver] : replacing.length > 0 ? replacing : changed;
  const what = op === 'replace' || op === 'delete' ? `**${op}**` : op;
  return row(
    sign[op],
    inMarkdown(`${short}/${name} (${type.split(':').at(-1) ?? type})`),
    `${what}${paths.length === 0 ? '' : `: ${inMarkdown(paths.join(', '))}`}`,
  );
}

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The stacks that change, drawn apart. */
function marked(graph: Graph, changed: readonly StackPlan[]): string[] {
  const names = new Set(changed.map(({ stack }) => stack));
  const ids = graph.nodes.filter(({ name }) => names.has(name)).map(({ name }) => nodeId(name));
  return ids.length === 0 ? [] : ['  classDef changes stroke-width:3px,stroke:#d29922', `  class ${ids.join(',')} changes`];
}

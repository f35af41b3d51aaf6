import { groupsOf, networksOf, quantities, quantityTitles } from './groups.ts';
import type { Group, Network, Quantity } from './groups.ts';
import { exampleStacks } from './networks.ts';
import { caseTitles, contenderTitles } from './plan.ts';
import type { Contender } from './plan.ts';
import { promisesOf } from './promises.ts';
import type { Results, Run } from './results.ts';
import { ratioText, valueText } from './text.ts';

const peers = ['plain-loop', 'one-stack'] as const;

/** docs/performance.md, from what was measured and nothing else. */
export function performancePage(results: Results): string {
  const networks = networksOf(results);
  const sections = [
    '# Performance',
    'Written by `npm run bench` from [bench/results.json](../bench/results.json). Each number is of Holdfast beside its peers on one machine in one run; the\n' +
      'ratios are what another machine can be compared by. A ratio is how many times as much Holdfast takes as the peer: below 1 it takes less. It is the\n' +
      'median of the rounds, with the least and the most.',
    '## Against what was asked for',
    promisesTable(results),
    '## Where it loses',
    losses(
      results,
      networks.filter(({ scale }) => !scale),
    ),
    ...titled(
      '## Side by side',
      networks.filter(({ scale }) => !scale).map((network) => sideBySide(results, network)),
    ),
    ...titled(
      '## At scale',
      networks.filter(({ scale }) => scale).map((network) => atScale(results, network)),
    ),
    '## How it is measured',
    how,
    '## Where it was measured',
    machines(results.runs),
  ];
  return `${sections.join('\n\n')}\n`;
}

const titled = (title: string, sections: readonly string[]): readonly string[] => (sections.length === 0 ? [] : [title, ...sections]);

function promisesTable(results: Results): string {
  const rows = promisesOf(results).map(({ what, wanted, measured }) => {
    if (measured === undefined) return [what, wanted, '', 'not measured'];
    return [what, wanted, measured.text, measured.met ? 'met' : '**not met**'];
  });
  return table(['what', 'wanted', 'measured', ''], rows);
}

/** Less than this is a tie: two runs of the same differ by as much. */
const tie = 1.05;

function losses(results: Results, networks: readonly Network[]): string {
  if (networks.length === 0) return 'Nothing is measured yet.';
  const rows = peers.flatMap((peer) =>
    costs.flatMap((quantity) => {
      const cells = networks.map((network) => lostText(results, network, peer, quantity));
      return cells.every((cell) => cell === '') ? [] : [[theirs[peer], lossTitles[quantity], ...cells]];
    }),
  );
  if (rows.length === 0) return 'In nothing that was measured.';
  return `What it takes more of than a peer, and how many times as much.\n\n${table(['than', 'more', ...networks.map(networkText)], rows)}`;
}

function lostText(results: Results, network: Network, peer: (typeof peers)[number], quantity: Quantity): string {
  const lost = groupsOf(results, network).flatMap(([which, group]) => {
    const ratio = group.ratio(peer, quantity);
    return ratio !== undefined && ratio.median > tie ? [`${caseTitles[which]} ${ratioText(ratio)}`] : [];
  });
  return lost.join(', ');
}

const theirs: Readonly<Record<(typeof peers)[number], string>> = { 'plain-loop': 'the plain loop', 'one-stack': 'one big stack' };

/** Starts of the engine cost nothing by themselves. */
const costs = ['wall', 'cpu', 'memory', 's3', 'ec2'] as const satisfies readonly Quantity[];

const lossTitles: Readonly<Record<(typeof costs)[number], string>> = {
  wall: 'wall time',
  cpu: 'CPU time',
  memory: 'memory',
  s3: 'requests to S3',
  ec2: 'requests to EC2',
};

function sideBySide(results: Results, network: Network): string {
  const groups = groupsOf(results, network);
  const all: readonly Contender[] = [...peers, 'holdfast'];
  const rows = groups.flatMap(([which, group]) =>
    quantities.map((quantity, nth) => [
      nth === 0 ? caseTitles[which] : '',
      quantityTitles[quantity],
      ...all.map((contender) => medianText(group, contender, quantity)),
      ...peers.map((peer) => {
        const ratio = group.ratio(peer, quantity);
        return ratio === undefined ? '' : ratioText(ratio);
      }),
    ]),
  );
  const head = ['', '', ...all.map((contender) => contenderTitles[contender]), 'of the loop', 'of one stack'];
  return [`### ${capital(networkText(network))}`, measuredText(groups.map(([, group]) => group)), table(head, rows)].join('\n\n');
}

function atScale(results: Results, network: Network): string {
  const groups = groupsOf(results, network);
  const rows = quantities.map((quantity) => [
    quantityTitles[quantity],
    ...groups.map(([, group]) => {
      const spread = group.spread('holdfast', quantity);
      if (spread === undefined) return 'not counted';
      const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => valueText(value, quantity));
      return min === max ? (median ?? '') : `${median ?? ''} (${min ?? ''}..${max ?? ''})`;
    }),
  ]);
  const head = ['Holdfast', ...groups.map(([which]) => caseTitles[which])];
  return [`### ${capital(networkText(network))}`, measuredText(groups.map(([, group]) => group)), table(head, rows)].join('\n\n');
}

function medianText(group: Group, contender: Contender, quantity: Quantity): string {
  const spread = group.spread(contender, quantity);
  return spread === undefined ? '' : valueText(spread.median, quantity);
}

function measuredText(groups: readonly Group[]): string {
  const days = [...new Set(groups.map(({ run }) => dayOf(run)))];
  const rounds = [...new Set(groups.map((group) => group.rounds))];
  const parallel = [...new Set(groups.map(({ run }) => run.parallel))];
  return `Of ${days.join(', ')}; rounds: ${rounds.join(', ')}; stacks at once: ${parallel.join(', ')}.`;
}

const networkText = ({ size, delayMs }: Network): string =>
  `${size === exampleStacks ? 'the example, ' : ''}${count(size)} stacks${delayMs === 0 ? '' : `, ${delayMs} ms a call`}`;

const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

const count = (value: number): string => value.toLocaleString('en-US');

const dayOf = ({ startedAt }: Run): string => startedAt.slice(0, 10);

function machines(runs: readonly Run[]): string {
  if (runs.length === 0) return 'Nowhere yet: `npm run bench`.';
  const rows = runs.map((run) => {
    const { cores, processor, memoryGb, system, node, cli, plugin } = run.machine;
    return [
      dayOf(run),
      run.commit ?? '',
      `${cores} cores (${processor}), ${memoryGb.toFixed(0)} GB, ${system}`,
      `Node ${node}, Pulumi CLI ${cli}, aws plugin ${plugin}`,
      run.load.toFixed(1),
    ];
  });
  return [
    table(['date', 'commit', 'machine', 'versions', 'load'], rows),
    'The load is that of the minute before the first measurement, by what else the machine had to do: 0 is a quiet machine. The lab, which is AWS here, runs on\n' +
      'the same cores as what is measured: its work is in the wall time of all of them, and in no CPU time.',
  ].join('\n\n');
}

const how = `Each is a process of its own, on the same lab, with the same CLI, plugin and programs. What AWS has afterwards is compared: it must be the same.

| | what |
| --- | --- |
| plain loop | the Automation API as its documentation has it: for each stack \`createOrSelectStack\`, \`setConfig\`, \`up\`, each as soon as what it reads is there, as many at once as Holdfast. It has no lock but the engine's |
| one big stack | all resources of the network in one stack, by the same calls: nothing can be deployed alone, and one lock and one state hold all of it |
| Holdfast | \`holdfast up --yes\` |

| case | what |
| --- | --- |
| first deploy | into an empty account and an empty bucket |
| no change | the same file again |
| one VPC changed | one more route in the last VPC |
| one VPC added | a VPC with two subnets, attached and routed |

- **Wall time** until the command has ended.
- **CPU time**, user and system, of all processes that the command started, the plugins too, whoever they were left to.
- **Peak memory** of the orchestrator: of the Node process without engines and plugins.
- **Requests** as the lab's proxy lists them. Where a delay is named, each call of S3 and EC2 is answered that much later.
- **Starts of the engine**, by the one question that each start of the aws plugin asks of STS.
- The home of the peers' engine is new each time: in one that is kept, each start of the engine looks at the logs of a week.
- The order within a round alternates. Each case begins from the same snapshot of AWS and bucket.

\`\`\`
npm run bench                                               # under half an hour on two cores
npm run bench -- --sizes 304 --delays 0 --rounds 1          # hours, most of them the plain loop's
npm run bench -- --scale                                    # 1,504 stacks
npm run bench -- --sizes 64 --delays 0 --cases noop --only holdfast   # a look; the page stays as it is
\`\`\`

What is measured anew takes the place of what was there; the rest of the page stays, under its own date. \`npm run bench -- --help\` has the other options.`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `|${cells.map((cell) => (cell === '' ? ' |' : ` ${cell} |`)).join('')}`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

import { describe, expect, it } from 'vitest';
import { noChanges } from '../../orchestrator/run/events.ts';
import type { NetworkPlan, PlannedChange, StackPlan } from '../../orchestrator/run/events.ts';
import { planMarkdown } from '../../orchestrator/ui/plan-markdown.ts';
import { exampleGraph } from './support/example.ts';

const where = { network: 'example', account: '111122223333', region: 'eu-west-1', target: 'REAL' } as const;

const stack = (short: string, more: Partial<StackPlan> = {}): StackPlan => ({
  stack: `example.${short}`,
  short,
  exists: true,
  hasChanges: true,
  counts: noChanges,
  changes: [],
  ...more,
});

const change = (op: PlannedChange['op'], more: Partial<PlannedChange> = {}): PlannedChange => ({
  op,
  urn: 'urn:pulumi:example.vpc.shared::holdfast::aws:ec2/vpc:Vpc::vpc',
  type: 'aws:ec2/vpc:Vpc',
  name: 'vpc',
  changed: [],
  replacing: [],
  ...more,
});

const page = (plan: Partial<NetworkPlan>): string =>
  planMarkdown({ stacks: [], passes: [], failed: [], notInFile: [], ...plan }, exampleGraph(), where);

describe('a plan as a page', () => {
  it('says what it comes to, and where', () => {
    const text = page({
      stacks: [stack('vpc.shared', { counts: { ...noChanges, create: 5, delete: 1 } }), stack('vpc.staging', { hasChanges: false })],
    });
    expect(text).toContain('## Plan of example\n\nAccount 111122223333, eu-west-1, REAL. **5 to create, 1 to delete** in 1 stack.');
    expect(text).toContain('| vpc.shared | 5 |  |  | 1 |');
    expect(text).toContain('1 stack unchanged.');
    expect(text).not.toContain('vpc.staging |');
  });

  it('says that there is nothing to do', () => {
    expect(page({ stacks: [stack('vpc.shared', { hasChanges: false })] })).toContain('Nothing to do: 1 stack unchanged.');
  });

  it('names what is changed, replaced or deleted, with why', () => {
    const text = page({
      stacks: [
        stack('vpc.shared', {
          changes: [change('replace', { replacing: ['cidrBlock'] }), change('update', { name: 'subnet-a', changed: ['tags'] })],
        }),
      ],
    });
    expect(text).toContain('| ± | vpc.shared/vpc (Vpc) | **replace**: cidrBlock |');
    expect(text).toContain('| ~ | vpc.shared/subnet-a (Vpc) | update: tags |');
  });

  it('counts what a new stack makes, and does not name it', () => {
    const text = page({
      stacks: [stack('vpc.shared', { exists: false, counts: { ...noChanges, create: 1 }, changes: [change('create')] })],
    });
    expect(text).toContain('| vpc.shared (new) | 1 |');
    expect(text).not.toContain('vpc.shared/vpc');
  });

  it('names at most 200 changes, and says how many more there are', () => {
    const changes = Array.from({ length: 203 }, (_, index) => change('update', { name: `r${index}` }));
    const text = page({ stacks: [stack('vpc.shared', { changes })] });
    expect(text).toContain('vpc.shared/r199 ');
    expect(text).not.toContain('vpc.shared/r200 ');
    expect(text).toContain('and 3 more.');
  });

  it('has what cannot be planned in a fence that the text does not end', () => {
    const text = page({ failed: [{ stack: 'example.vpc.shared', short: 'vpc.shared', errors: ['a ``` b'] }] });
    expect(text).toContain('**1 stack cannot be planned.**');
    expect(text).toContain('````text\na ``` b\n````');
  });

  it('has a cell as text, whatever is in it', () => {
    const text = page({ stacks: [stack('vpc.shared', { changes: [change('update', { changed: ['tags["a|b"]', '<img>', 'x\ny'] })] })] });
    expect(text).toContain('update: tags\\["a\\|b"], \\<img>, x\\\\ny |');
  });

  it('has the name of a stack, which is a key of the bucket, as text', () => {
    const text = page({ notInFile: [{ stack: 'x', short: '[x](https://evil.example)`*', resources: 7 }] });
    expect(text).toContain('any more: \\[x](https://evil.example)\\`\\* (7 resources)');
  });

  it('names what the file does not ask for any more, with the command', () => {
    const text = page({ notInFile: [{ stack: 'example.vpc.old', short: 'vpc.old', resources: 7 }] });
    expect(text).toContain(
      'vpc.old (7 resources). It stays. Destroy it with `npm run destroy -- vpc.old`, or all that has left the file with `npm run up -- --prune`.',
    );
  });

  it('draws the graph, with what changes marked', () => {
    const text = page({ stacks: [stack('vpc.shared')] });
    expect(text).toContain('```mermaid\nflowchart LR\n');
    expect(text).toContain('  class example_vpc_shared changes\n```');
  });

  it('does not draw more stacks than can be seen', () => {
    const graph = exampleGraph();
    const large = {
      ...graph,
      nodes: Array.from({ length: 12 }, () => graph.nodes).flat(),
    };
    const text = planMarkdown({ stacks: [], passes: [], failed: [], notInFile: [] }, large, where);
    expect(text).not.toContain('mermaid');
    expect(text).toContain('156 stacks, too many for a picture: `npm run graph`');
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Alert } from '../../../orchestrator/alerts/alert.ts';
import { topicNotifier, webhookNotifier } from '../../../orchestrator/alerts/notifiers.ts';
import type { TopicMessage } from '../../../orchestrator/alerts/notifiers.ts';
import { print, printJson } from '../../../orchestrator/cli/report.ts';
import { Foreign, visible } from '../../../orchestrator/domain/foreign.ts';
import { compareWithState } from '../../../orchestrator/inventory/compare.ts';
import { findOwners } from '../../../orchestrator/inventory/owners.ts';
import type { JournalEvent } from '../../../orchestrator/journal/events.ts';
import { subjectsOf } from '../../../orchestrator/recovery/subjects.ts';
import { noChanges } from '../../../orchestrator/run/events.ts';
import type { RunEvent, StackEnd } from '../../../orchestrator/run/events.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { durableLockKey, recordKey } from '../../../orchestrator/state/layout.ts';
import { alertWords } from '../../../orchestrator/ui/alerts.ts';
import { dossierPage } from '../../../orchestrator/ui/dossier-page.ts';
import { describeDifferences, describeInventory, differenceRecord } from '../../../orchestrator/ui/inventory.ts';
import { lockStatuses } from '../../../orchestrator/ui/lock-status.ts';
import { describeLocks, describeTold } from '../../../orchestrator/ui/locks.ts';
import { outlet } from '../../../orchestrator/ui/outlet.ts';
import { planMarkdown } from '../../../orchestrator/ui/plan-markdown.ts';
import { questionsOf } from '../../../orchestrator/ui/questions.ts';
import { openReporter, styleFor } from '../../../orchestrator/ui/reporter.ts';
import { describeRun, describeRuns, runStatus } from '../../../orchestrator/ui/runs.ts';
import { describeStatus } from '../../../orchestrator/ui/status.ts';
import { everyEvent } from '../support/events.ts';
import { exampleGraph } from '../support/example.ts';
import { expectClean, hostileText, hostileTexts, poisoned } from '../support/foreign-text.ts';
import { live, recorded, types } from '../support/inventory.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { known, lockOf, observer, processOf } from '../support/owner.ts';
import { fc, forged, forgedMs } from '../support/property.ts';
import { ownedRecord } from '../support/records.ts';
import { deploymentOf, evidenceOf, object, pending, raw, tagsOf, types as recoveryTypes } from '../support/recovery.ts';
import { dossier } from '../support/dossier.ts';

/**
 * Whatever others write into a lock, a record, a journal, a checkpoint, a tag, an error: it reaches no screen, log, chat, page or document as it is. Through
 * the outlets that the commands use, and with the stream in between that only a developer's mistake would need: so each is tried without it as well.
 */

const style = styleFor({ write: () => undefined }, {});
const stack = 'example.vpc.a';
const graph = exampleGraph();
const noon = Date.parse('2030-01-01T12:00:00Z');

function screen() {
  const written: string[] = [];
  const stdout = { write: (text: string) => written.push(text) };
  return { stdout, context: { process: { stdout, stderr: stdout } }, text: () => written.join('') };
}

/** What `print` gives a stream, before its outlet. */
function printed<Facts extends readonly unknown[]>(words: (...facts: Facts) => string, ...facts: Facts): string {
  const { context, text } = screen();
  print(context, words, ...facts);
  return text();
}

/** As the second line of defence leaves it: nothing is left for it to do but to keep orders from a CI, and what a time that is none was cut to. */
function throughOutlet(text: string): string {
  let all = '';
  outlet({ write: (each) => (all += each) }).write(text);
  const halves = text.replaceAll(/[\ud800-\udfff]/gu, (half) => `\\u{${half.charCodeAt(0).toString(16)}}`);
  const withoutOrders = (of: string): string => of.replaceAll(/^(\s*)\| ::/gm, '$1::').replaceAll('#\\u{23}', '##');
  expect(withoutOrders(all)).toBe(withoutOrders(halves));
  return all;
}

const expectSpoken = (text: string): void => expectClean(throughOutlet(text));

/** JSON that is printed: clean, and the same value for who parses it. */
function expectDocument(value: unknown): void {
  const { context, text } = screen();
  printJson(context, value);
  expectClean(text());
  expect(throughOutlet(text())).toBe(text());
  expect(JSON.parse(text())).toEqual(JSON.parse(JSON.stringify(value)));
}

const always = (check: (texts: readonly string[]) => void): void => fc.assert(fc.property(hostileTexts, check), forged);
const alwaysInTime = (check: (texts: readonly string[]) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(hostileTexts, check), forged);

const ends: readonly StackEnd[] = [
  { outcome: 'failed', errors: [new Foreign('no VPC'), 'nothing was started'] },
  { outcome: 'held', errors: [new Foreign('a\nb'), 'CreateVpc outcome unknown'] },
  { outcome: 'recovered', said: 'adopted vpc' },
  { outcome: 'recoverable', said: 'adopted vpc' },
  { outcome: 'undecided', questions: ['whose is it?'] },
  { outcome: 'locked', message: 'locked by ada' },
  { outcome: 'skipped', because: 'x failed' },
  { outcome: 'not-started', reason: 'stopped', because: 'stopped' },
];

const events: readonly RunEvent[] = [
  ...everyEvent.filter(({ type }) => type !== 'rehearsed'),
  ...ends.map((end): RunEvent => ({ type: 'stack-ended', stack, end, seconds: 3 })),
  { type: 'summary', command: 'up', ends: ends.map((end) => ({ stack, short: 'vpc.a', end, seconds: 3 })), seconds: 9, exitCode: 1 },
  { type: 'problem', problem: { reason: 'x', message: 'm', lines: ['a', 'b'], next: 'n', file: 'f', line: 3 } },
  {
    type: 'plan',
    plan: {
      stacks: [
        {
          stack,
          short: 'vpc.a',
          exists: true,
          hasChanges: true,
          counts: { ...noChanges, replace: 1 },
          changes: [
            {
              op: 'replace',
              urn: 'urn:pulumi:a::b::c::vpc',
              type: 'aws:ec2/vpc:Vpc',
              name: 'vpc',
              changed: ['cidrBlock'],
              replacing: ['cidrBlock'],
            },
          ],
        },
      ],
      passes: [
        { kind: 'expand', stacks: [{ stack, short: 'vpc.a', later: [] }] },
        { kind: 'contract', stacks: [{ stack, short: 'vpc.a', later: [] }] },
      ],
      failed: [{ stack, short: 'vpc.a', errors: [new Foreign('a\nb'), 'c'] }],
      notInFile: [{ stack, short: 'vpc.old', resources: 3 }],
    },
  },
];

describe('what others wrote reaches no output as it is', () => {
  it(
    'in an event, on a plain screen',
    () =>
      always((texts) => {
        const { stdout, text } = screen();
        const reporter = openReporter({ json: false, verbose: true, env: {}, stdout });
        for (const event of poisoned(events, texts)) reporter.emit(event);
        expectSpoken(text());
      }),
    forgedMs,
  );

  it(
    'in an event, on a live screen, whose own colours stay',
    () =>
      alwaysInTime(async (texts) => {
        const { stdout, text } = screen();
        const reporter = openReporter({ json: false, verbose: false, env: {}, stdout: { ...stdout, isTTY: true, columns: 100, rows: 40 } });
        for (const event of poisoned(events, texts)) if (event.type !== 'stage-started') reporter.emit(event);
        await reporter.settled();
        expect(text()).toContain('\u001b[31m');
        expectClean(
          text()
            .replaceAll(/\u001b\[\d+m/g, '')
            .replaceAll('\r\u001b[2K', '')
            .replaceAll(/^\s+::/gm, '')
            .replaceAll('##', ''),
        );
      }),
    forgedMs,
  );

  it(
    'in an event, as JSON, which is parsed to the same event',
    () =>
      always((texts) => {
        const hostile = poisoned(events, texts);
        const { stdout, text } = screen();
        const reporter = openReporter({ json: true, verbose: false, env: {}, stdout });
        for (const event of hostile) reporter.emit(event);
        expectClean(text());
        expect(throughOutlet(text())).toBe(text());
        expect(
          text()
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as unknown),
        ).toEqual(hostile.map((event) => ({ schema: 1, ...(JSON.parse(JSON.stringify(event)) as object) })));
      }),
    forgedMs,
  );

  it(
    'of the engine, line by line behind the name of its stack',
    () =>
      fc.assert(
        fc.property(hostileText, (chunk) => {
          const { stdout, text } = screen();
          openReporter({ json: false, verbose: true, env: {}, stdout }).emit({ type: 'engine-output', stack, text: new Foreign(chunk) });
          for (const line of text().split('\n').slice(0, -1)) expect(line.startsWith(`${stack} | `)).toBe(true);
          expectSpoken(text());
        }),
        forged,
      ),
    forgedMs,
  );

  it(
    'in a lock, a record, or the name of a lock folder, on the screens of `locks` and `status`',
    () =>
      alwaysInTime(async (texts) => {
        const store = new MemoryStore();
        const [name = ''] = texts;
        const lock = poisoned(lockOf(stack, 'gone', { ciLink: 'https://ci.example/1', machine: 'elsewhere' }), texts, keepsItsForm);
        store.set(durableLockKey(stack), JSON.stringify({ pid: 1, username: 'x', hostname: 'x', timestamp: 'x', holdfast: lock }));
        store.set(recordKey(stack), JSON.stringify(ownedRecord(stack, 'held', { owner: lock, doubts: [{ source: 'exit', text: name }] })));
        // A slash would be another folder.
        store.set(
          durableLockKey(`example.${name.replaceAll('/', '_')}`),
          JSON.stringify({ pid: 1, username: name, hostname: name, timestamp: name }),
        );
        const standings = await readStandings({
          store,
          network: 'example',
          states: new Map(),
          ...observer(() => false),
          now: () => noon,
        });
        const found = lockStatuses(standings, noon, 60);
        expect(found.length).toBeGreaterThan(0);
        expectSpoken(printed(describeLocks, 'example', found, standings, style));
        expectSpoken(
          printed(
            describeTold,
            found.map(({ stack: of }) => ({ notifier: 'sns', stack: of, kind: 'held', outcome: 'failed', detail: name }) as const),
          ),
        );
        const stacks = found.map(({ stack: of, short }) => ({
          stack: of,
          short,
          state: 'locked' as const,
          resources: 1,
          updatedAt: name,
          detail: name,
        }));
        expectSpoken(printed(describeStatus, stacks, standings, new Map(found.map(({ stack: of }) => [of, name])), style));
        expectDocument({ locks: found, unreadable: standings.unreadable });
      }),
    forgedMs,
  );

  it(
    'in a journal, on the screen of `runs`',
    () =>
      always((texts) => {
        const hostile = poisoned(journal, texts, new Set([...keepsItsForm, 'at']));
        const [opened] = hostile;
        const run = { run: texts[0] ?? '', events: hostile, opened, ended: undefined, unreadable: [texts.at(-1) ?? ''] };
        const status = runStatus(run as never, { liveness: () => known.dead, records: new Map() });
        expectSpoken(printed(describeRun, run as never, status, style));
        expectSpoken(printed(describeRuns, 'example', [status], 9, style, noon));
        expectDocument({ ...status, events: hostile });
      }),
    forgedMs,
  );

  it(
    'in a tag, an id or a property of AWS, or in a checkpoint, on the screen of `inventory`',
    () =>
      always((texts) => {
        const vpc = live(types.vpc, 'vpc-1', { cidrBlock: '10.0.0.0/16' }, { tags: tagsHere('vpc') });
        const objects = [
          vpc,
          ...[1, 2, 3].map((index) => {
            const at = (offset: number): string => texts[(index + offset) % texts.length] ?? '';
            return live(
              types.subnet,
              `subnet-${index}${at(0)}`,
              { vpcId: 'vpc-1', cidrBlock: at(1), [at(2)]: at(0) },
              { tags: { Name: at(1), [at(2)]: at(0), ...(index === 1 ? {} : tagsHere(at(2))) }, refersTo: ['vpc-1'] },
            );
          }),
        ];
        const resources = [
          recorded(stack, 'vpc', types.vpc, 'vpc-1', { cidrBlock: texts[0] }),
          recorded(stack, `gone${texts[0] ?? ''}`, types.subnet, `subnet-9${texts.at(-1) ?? ''}`),
        ];
        const ownerOf = findOwners({ installation: 'ours', stacks: new Set([stack]), states: new Map([[stack, resources]]), objects });
        const incomplete = [texts[0] ?? ''];
        const owned = objects.map((each) => ({ object: each, owner: ownerOf(each) }));
        const disowned = new Map([
          [stack, [{ type: types.vpc, id: texts[0] ?? '', resource: 'x', reason: texts[0] ?? '', by: texts[0] ?? '', at: texts[0] ?? '' }]],
        ]);
        for (const isOurs of [true, false])
          expectSpoken(
            printed(describeInventory, { selected: [stack], owned, isOurs, isTold: true, disowned, objects, incomplete }, style),
          );
        const differences = compareWithState({
          stack,
          installation: 'ours',
          resources,
          operations: [],
          others: new Map(),
          objects,
          disowned: new Map(),
          ignoreTags: [],
        });
        expect(differences.length).toBeGreaterThan(0);
        expectSpoken(
          printed(
            describeDifferences,
            { compared: [{ stack, recorded: 2, differences }], unreadable: new Map([[stack, texts[0] ?? '']]), incomplete },
            style,
          ),
        );
        expectDocument({ objects: owned, differences: differences.map((difference) => differenceRecord(stack, difference)) });
      }),
    forgedMs,
  );

  it(
    'in what a recovery asks and decides of an object with crafted tags',
    () =>
      always((texts) => {
        const [name = '', id = ''] = [texts[0], texts.at(-1)];
        const subjects = subjectsOf(
          evidenceOf({
            versions: [deploymentOf([], [pending('creating', raw(name))])],
            objects: [object(`vpc-1${id}`, { type: recoveryTypes.vpc, tags: tagsOf(`x${name}`) })],
          }),
        );
        const { stdout, text } = screen();
        const reporter = openReporter({ json: false, verbose: false, env: {}, stdout });
        for (const question of questionsOf('vpc.a', subjects)) reporter.emit({ type: 'question', stack, question });
        for (const subject of subjects)
          reporter.emit({
            type: 'decision',
            stack,
            resource: subject.name,
            id: subject.id ?? null,
            decision: subject.row.then,
            because: 'b',
          });
        expect(text()).not.toBe('');
        expectSpoken(text());
      }),
    forgedMs,
  );
});

describe('what others wrote reaches no page as Markdown of its own', () => {
  /** Cells of each row of its tables: what stands between marks that nothing escapes. */
  const rowsOf = (page: string): number[] =>
    page.split('\n').flatMap((line) => (line.startsWith('|') ? [line.replaceAll(/\\[^]/g, '').split('|').length] : []));

  function expectPage(page: string, harmless: string): void {
    expectClean(
      page
        .replaceAll(/^\s*::.*$/gm, '')
        .replaceAll('##[', '')
        .replaceAll('##vso[', ''),
    );
    expect(rowsOf(page)).toEqual(rowsOf(harmless));
    expect(page.split('\n')).toHaveLength(harmless.split('\n').length);
    // Outside of code, what a tag, a link or a picture begins with has a mark before it that takes its meaning away.
    const prose = page.replaceAll(/\\[^]/g, '').replaceAll(/(`+)[^`]([^]*?[^`])??\1(?!`)/g, '');
    expect(prose).not.toMatch(/<[a-z!/]|\[/i);
  }

  it(
    'in the dossier of a recovery',
    () => {
      const whole = {
        ...dossier,
        why: 'AWS was away',
        questions: [{ question: 'Whose?', answers: [{ means: 'ours', command: 'npm run x' }] }],
      };
      const harmless = dossierPage(whole);
      const keep = new Set([...keepsItsForm, 'decision', 'startedAt', 'endedAt']);
      always((texts) => expectPage(dossierPage(poisoned(whole, texts, keep)), harmless));
    },
    forgedMs,
  );

  it(
    'in the plan of a network',
    () => {
      const planned = events.flatMap((event) => (event.type === 'plan' && event.plan.failed.length > 0 ? [event.plan] : []));
      const where = { network: 'example', account: '111122223333', region: 'eu-west-1', target: 'LAB' } as const;
      const harmless = planned.map((plan) => planMarkdown({ ...plan, failed: [] }, graph, where));
      always((texts) => {
        for (const [index, plan] of planned.entries()) {
          // What failed is in a fence of its own, and may have lines.
          const { failed, ...rest } = poisoned(plan, texts);
          expectPage(planMarkdown({ ...rest, failed: [] }, graph, where), harmless[index] ?? '');
          const page = planMarkdown({ stacks: [], passes: [], notInFile: [], failed }, graph, where);
          expectClean(page.replaceAll(/^\s*(::|FORGED|next: curl).*$/gm, '').replaceAll('##', ''));
          const fences = [...page.matchAll(/^(`{3,})(\w*)$/gm)].map(([, ticks, language]) => `${ticks?.length ?? 0}${language ?? ''}`);
          expect(fences.at(-2)).toBe('3mermaid');
          expect(fences).toContain(fences[0]?.slice(0, -'text'.length));
        }
      });
    },
    forgedMs,
  );
});

describe('what others wrote wakes nobody in a chat, and leads nobody elsewhere', () => {
  let posted: string | undefined;

  beforeEach(() => {
    vi.stubGlobal('fetch', (_: string, { body }: { readonly body: string }) => {
      posted = (JSON.parse(body) as { readonly text: string }).text;
      return Promise.resolve({ ok: true });
    });
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const alert: Alert = {
    kind: 'held',
    network: 'example',
    stack,
    short: 'vpc.a',
    about: 'r1',
    what: 'locked',
    owner: 'ada@build-7',
    operation: 'up',
    ageSeconds: 12,
    lastHeard: 'then',
    process: 'dead',
    incident: 'INC-1',
    ciLink: 'https://ci.example/1',
    next: 'npm run status',
  };

  it(
    'in an alert',
    () =>
      alwaysInTime(async (texts) => {
        const hostile = poisoned(alert, texts);
        const words = alertWords('docs/runbook.md');
        const sent: TopicMessage[] = [];
        await topicNotifier('topic', words, (message) => {
          sent.push(message);
          return Promise.resolve();
        }).send(hostile);
        for (const { subject, text, attributes } of sent) {
          expectSpoken(text);
          expectSpoken(subject);
          for (const value of Object.values(attributes)) expect(visible(value)).toBe(value);
        }
        expect(sent).toHaveLength(1);
        const lines = sent[0]?.text.split('\n').length;
        await webhookNotifier('https://chat.example/hook', 'HOOK', words).send(hostile);
        const text = posted ?? '';
        expectSpoken(text);
        expect(text.split('\n')).toHaveLength(lines ?? 0);
        expect(text).not.toMatch(/[<>`]|\]\(|(^|[^\w.+-])@|@(channel|here|all|everyone)/im);
      }),
    forgedMs,
  );
});

/** Words and times by which a record is read at all. */
const keepsItsForm = new Set([
  'type',
  'outcome',
  'op',
  'operation',
  'phase',
  'step',
  'decision',
  'kind',
  'source',
  'from',
  'row',
  'answer',
  'stack',
  'nonce',
  'machine',
]);

const tagsHere = (resource: string) => ({
  'holdfast:installation': 'ours',
  'holdfast:stack': stack,
  'holdfast:resource': resource,
});

const session = { accessKeyId: 'ASIA1', session: 'holdfast-1', expires: '2030-01-01T16:00:00Z' };
const base = { schema: 1, network: 'example', run: 'r1', writer: 'writer', sequence: 1, at: '2030-01-01T14:05:58Z' };

const journal = [
  {
    ...base,
    type: 'run-opened',
    operation: 'up',
    process: processOf('writer'),
    session,
    account: '111122223333',
    region: 'eu-west-1',
    order: [stack],
    forecastSeconds: 120,
    networkFile: { path: 'networks/example.yaml', text: '' },
    commit: 'c',
    ciLink: 'https://ci.example/1',
    shared: 's',
  },
  { ...base, type: 'session-renewed', session },
  { ...base, type: 'engine-started', stack, epoch: 1, operation: 'up', checkpoint: '"0123456789abcdef"', upstreams: {} },
  {
    ...base,
    type: 'held',
    stack,
    epoch: 1,
    checkpoint: null,
    spool: 'a file',
    doubts: [{ source: 'exit', text: 'the engine was killed' }],
  },
  { ...base, type: 'released', stack, epoch: 2, by: 'ada', incident: 'INC-1', unreconciled: true },
  { ...base, type: 'answered', stack, epoch: 2, recovery: 'r', by: 'ada', answer: { resource: 'vpc', answer: 'adopt', id: 'vpc-1' } },
  { ...base, type: 'run-ended', exitCode: 4, ends: [{ stack, outcome: 'held', detail: 'is held' }] },
] as unknown as readonly JournalEvent[];

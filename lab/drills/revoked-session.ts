import { readFileSync } from 'node:fs';
import { CreateRouteCommand, DeleteRouteCommand, DescribeRouteTablesCommand } from '@aws-sdk/client-ec2';
import { command, commandOf, lineOf } from '../../orchestrator/domain/command.ts';
import { exitCodes } from '../../orchestrator/domain/exit-codes.ts';
import type { RunEvent, StackEnd } from '../../orchestrator/run/events.ts';
import { checkpointKey, durableLockKey } from '../../orchestrator/state/layout.ts';
import type { RecoveryStep } from '../../orchestrator/journal/events.ts';
import type { Drill, Proof, Step, Story, TimelineRow } from './drill.ts';
import { expect } from './drill.ts';
import { changesOf } from './object-history.ts';
import { lockStood, quarantineIsComplete, readDossier, standingLock, stateIsAws } from './proofs.ts';
import type { RecoveredStack } from './proofs.ts';
import type { Person, Rehearsal, Shown, Told } from './rehearsal.ts';

/**
 * The incident that Holdfast exists for, with the three examples of its postmortem: an attachment that was created and never recorded; a route that
 * was deleted and that the state still had; two entries of a route table that a first look misses, because a person changed them meanwhile. The deleted
 * route is one of the two entries.
 */
export const revokedSession: Drill = {
  name: 'revoked-session',
  brief: "the runner's session stops in mid-apply, AWS has changed, and the state was not written",
  network: readFileSync(new URL('revoked-session.yaml', import.meta.url), 'utf8'),
  play: (rehearsal) => new RevokedSession(rehearsal),
};

/** The change of the network that the apply died in. With it, it is networks/example.yaml. */
const edits = [
  {
    says: '+ vpc staging, 10.2.0.0/16, with its attachment and its routes',
    find: '\n# The lab shows at once',
    put: `  staging:
    segment: staging
    cidr: 10.2.0.0/16
    subnets:
      private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }
      attachment: { a: 10.2.255.0/28, b: 10.2.255.16/28 }
    attachment: attachment
    routes:
      private: [0.0.0.0/0]

# The lab shows at once`,
  },
  {
    says: '~ vpc shared: routes 10.2.0.0/16 to the gateway too',
    find: 'private: [10.1.0.0/16]',
    put: 'private: [10.1.0.0/16, 10.2.0.0/16]',
  },
  {
    says: '~ segment production: drops what goes to 10.2.0.0/16',
    find: '  production:\n    routes:',
    put: '  production:\n    blackholes: [10.2.0.0/16] # staging: without this, the default route below would take it to shared\n    routes:',
  },
] as const;

/** In the order in which they are recovered. */
const stuck = ['vpc.staging', 'route-tables.shared'] as const;
const standOnThem = ['member.staging', 'route-tables.staging', 'segment.production', 'segment.staging'] as const;

const incident = 'INC-2041';
const createdByRun = '10.2.0.0/16';
const deletedByHand = '10.1.0.0/16';
const addedByHand = '192.168.0.0/16';

const only =
  (...types: readonly RunEvent['type'][]): Shown =>
  (event) =>
    types.includes(event.type);

class RevokedSession implements Story {
  readonly #rehearsal: Rehearsal;
  #ci: Person | undefined;
  #brokeAtMs: number | undefined;
  #greenAtMs = 0;
  #run = '';
  /** Of VPC shared, private. */
  #routeTable = { id: '', gateway: '' };
  #refusedAtMs = 0;
  /** When the entries that were changed by hand were named. */
  #namedAtMs = 0;
  #resumedAtMs = 0;
  #recovered: readonly RecoveredStack[] = [];
  #proofs: readonly Proof[] = [];

  constructor(rehearsal: Rehearsal) {
    this.#rehearsal = rehearsal;
  }

  brokeAtMs(): number | undefined {
    return this.#brokeAtMs;
  }

  get steps(): readonly Step[] {
    return [
      {
        name: 'A CI job deploys the example network',
        does: 'As it was before staging. With an assumed role, and a session of 2 hours.',
        expects: 'exit 0, and all 10 stacks applied',
        run: () => this.#deploy(),
      },
      {
        name: 'The network changes, and the session is revoked in the middle',
        does: 'AWS creates an attachment and a route; before the job hears of it, the trust policy of its role is rotated: its session is refused everywhere, and the state cannot be written.',
        expects: `exit 4: ${stuck.join(' and ')} held, and what stands on them skipped`,
        run: () => this.#breakApply(),
      },
      {
        name: 'Somebody helps by hand',
        does: 'In the console, during the outage, past every lock.',
        expects: 'AWS accepts both',
        run: () => this.#changeByHand(),
      },
      {
        name: 'A second engineer applies',
        does: 'Who does not know of it yet. Once more on top of a state that is not true is how it gets worse.',
        expects: `exit 4: what is held and what stands on it is left out; no checkpoint and no lock of theirs changes`,
        run: () => this.#applyOnTop(),
      },
      {
        name: 'Whoever is on call looks',
        does: 'Where do the stacks stand, and what is to be done?',
        expects: 'exit 4: both stacks named as held, each with the command that recovers it',
        run: () => this.#look(),
      },
      {
        name: 'Recover, behind the locks that stand',
        does: 'With a session of their own. Quarantine first, then evidence, one write of the state, and only then the lock.',
        expects:
          'exit 0: the attachment and the route adopted, the route that was deleted by hand forgotten, and both changes by hand named before the release',
        run: () => this.#recover(),
      },
      {
        name: 'The rest of the change',
        does: 'The entry that nobody declared goes, now that it is known; the apply puts back the one that is missing, and does what the dead run did not get to.',
        expects: 'exit 0, and nothing skipped or held',
        run: () => this.#finish(),
      },
      {
        name: 'Green?',
        does: 'A plan on everything, and AWS compared with every state.',
        expects: 'an empty plan, and no difference',
        run: () => this.#confirm(),
      },
      {
        name: 'Is it true?',
        does: "By the bucket's versions, the calls that the proxy saw, and AWS itself.",
        expects: 'the locks stood until after the promoted checkpoints, the quarantine is complete, the states have what AWS has',
        run: () => this.#prove(),
      },
    ];
  }

  async #deploy(): Promise<string> {
    this.#ci = await this.#rehearsal.person('ci-runner', 'ci-4711');
    const result = await this.#rehearsal.command(this.#ci, ['up', '--yes'], exitCodes.done, only('checked', 'summary'));
    const ends = endsOf(result);
    expect(ends.size === 10 && [...ends.values()].every((end) => end === 'applied'), '10 stacks are applied', describeEnds(ends));
    return `${ends.size} stacks applied`;
  }

  async #breakApply(): Promise<string> {
    const { control, style } = this.#rehearsal;
    const ci = known(this.#ci);
    await this.#rehearsal.writeNetwork(changed(this.#rehearsal.network.text));
    for (const { says } of edits) this.#rehearsal.remark(says);
    const points = [
      { id: 'attachment', action: 'CreateTransitGatewayVpcAttachment', what: 'created the attachment' },
      { id: 'route', action: 'CreateRoute', what: `created the route to ${createdByRun}` },
    ];
    for (const { id, action } of points)
      await control.fault({ id, match: { service: 'ec2', action, times: 1 }, do: { kind: 'hold', point: 'after' } });
    // Both points are reached at once, on one core too. By default a run waits 90 s for a bucket that refuses it: here in vain.
    const args = ['up', '--yes', '--no-settle', '--parallel', '2', '--bucket-patience', '2s'];
    const { running, ended } = this.#rehearsal.start(ci, args, only('plan', 'summary'));
    for (const { id, what } of points) {
      await control.heldCall(running, id);
      this.#rehearsal.remark(style.yellow(`AWS has ${what}; its reply is held`));
    }
    await control.revoke(ci.environment['AWS_ACCESS_KEY_ID'] ?? '');
    this.#brokeAtMs = Date.now();
    this.#rehearsal.remark(style.yellow('the session is revoked, and the replies are let go'));
    await control.clearFaults();
    const result = await ended;
    expect(result.exitCode === exitCodes.held, 'the apply ends held, with exit code 4', `exit code ${result.exitCode ?? 'none'}`);
    const ends = endsOf(result);
    expect(
      stuck.every((short) => ends.get(short) === 'held') && standOnThem.every((short) => ends.get(short) === 'skipped'),
      `${stuck.join(' and ')} are held, and ${standOnThem.join(', ')} are skipped`,
      describeEnds(ends),
    );
    const owners = await Promise.all(stuck.map((short) => standingLock(this.#rehearsal, this.#fullName(short))));
    this.#run = owners[0]?.run ?? '';
    expect(
      owners.every(({ run, operation }) => run === this.#run && operation === 'up'),
      'both locks in the bucket are those of the run that died',
      owners.map(({ operation, run }) => `${operation} of run ${run}`).join(', '),
    );
    return `exit 4, ${stuck.join(' and ')} held: the locks of run ${this.#run} stand`;
  }

  async #changeByHand(): Promise<string> {
    const { ec2 } = this.#rehearsal;
    const { RouteTables } = await ec2.send(
      new DescribeRouteTablesCommand({
        Filters: [
          { Name: 'tag:holdfast:stack', Values: [this.#fullName('vpc.shared')] },
          { Name: 'tag:holdfast:resource', Values: ['routes-private'] },
        ],
      }),
    );
    const [table] = RouteTables ?? [];
    const gateway = table?.Routes?.find(({ TransitGatewayId }) => TransitGatewayId !== undefined)?.TransitGatewayId ?? '';
    const id = table?.RouteTableId ?? '';
    this.#routeTable = { id, gateway };
    const deleting = commandOf('aws', 'ec2', 'delete-route', { routeTableId: id, destinationCidrBlock: deletedByHand });
    await this.#rehearsal.byHand(lineOf(deleting), () =>
      ec2.send(new DeleteRouteCommand({ RouteTableId: id, DestinationCidrBlock: deletedByHand })),
    );
    const adding = commandOf('aws', 'ec2', 'create-route', {
      routeTableId: id,
      destinationCidrBlock: addedByHand,
      transitGatewayId: gateway,
    });
    await this.#rehearsal.byHand(lineOf(adding), () =>
      ec2.send(new CreateRouteCommand({ RouteTableId: id, DestinationCidrBlock: addedByHand, TransitGatewayId: gateway })),
    );
    return `one of our routes is gone, and one is there that nobody declared`;
  }

  async #applyOnTop(): Promise<string> {
    const engineer = await this.#rehearsal.person('engineer', 'second-engineer');
    const before = await this.#versions();
    const result = await this.#rehearsal.command(engineer, ['up', '--yes'], exitCodes.held, only('summary'));
    this.#refusedAtMs = Date.now();
    const ends = endsOf(result);
    const leftOut = new Map<string, StackEnd['outcome']>([
      ...stuck.map((short) => [short, 'held'] as const),
      ...standOnThem.map((short) => [short, 'skipped'] as const),
    ]);
    expect(
      [...ends].every(([short, end]) => end === (leftOut.get(short) ?? 'unchanged')) &&
        [...leftOut.keys()].every((short) => ends.has(short)),
      `${[...leftOut.keys()].join(', ')} are left out, and nothing else is changed`,
      describeEnds(ends),
    );
    const after = await this.#versions();
    expect(after === before, 'no checkpoint and no lock of what is held changes', `before: ${before}; after: ${after}`);
    return `exit 4: ${[...leftOut.keys()].join(', ')} left out; every checkpoint and lock of theirs is the version that it was`;
  }

  /** Of the checkpoints and the locks of what is held. */
  async #versions(): Promise<string> {
    const keys = stuck.flatMap((short) => [checkpointKey(this.#fullName(short)), durableLockKey(this.#fullName(short))]);
    const changes = await Promise.all(keys.map((key) => changesOf(this.#rehearsal, key)));
    return changes.map((ofKey, index) => `${keys[index] ?? ''} ${ofKey.map(({ version }) => version).join(' ')}`).join('\n');
  }

  async #look(): Promise<string> {
    const onCall = await this.#onCall();
    const { stdout } = await this.#rehearsal.page(onCall, ['status'], exitCodes.held, /\bHELD\b/);
    for (const short of stuck) {
      const line = stdout.split('\n').find((text) => text.startsWith(`HELD ${short}:`));
      expect(line?.endsWith(command('recover', short)) === true, `status says how ${short} is recovered`, line ?? 'no line for it');
    }
    return 'both are named as held, each with the command that recovers it';
  }

  #onCall(): Promise<Person> {
    return this.#rehearsal.person('on-call', 'on-call');
  }

  async #recover(): Promise<string> {
    const seenMs = new Map<RunEvent, number>();
    const isTold: Shown = only('recovery-step', 'decision', 'note', 'question', 'summary');
    const { told } = await this.#rehearsal.command(await this.#onCall(), ['recover', '--incident', incident], exitCodes.done, (event) => {
      seenMs.set(event, Date.now());
      return isTold(event);
    });
    for (const [short, decision, what] of [
      ['vpc.staging', 'adopt', 'attachment'],
      ['route-tables.shared', 'adopt', `route-private-${createdByRun}`],
      ['route-tables.shared', 'forget', `route-private-${deletedByHand}`],
    ] as const)
      expect(
        told.some(
          (event) =>
            event.type === 'decision' && event.stack === this.#fullName(short) && event.resource === what && event.decision === decision,
        ),
        `recover decides ${decision} for ${what} of ${short}`,
        `it decides ${told.flatMap((event) => (event.type === 'decision' ? [`${event.decision} for ${event.resource}`] : [])).join(', ')}`,
      );
    const released = told.findIndex(
      (event) => event.type === 'recovery-step' && event.step === 'release' && event.stack === this.#fullName('route-tables.shared'),
    );
    for (const route of [deletedByHand, addedByHand]) {
      const named = told.findIndex((event) => event.type === 'note' && event.message.includes(route));
      expect(
        named >= 0 && named < released,
        `recover names the route to ${route}, which a person changed, before it releases the lock`,
        named < 0 ? 'it is not named' : 'it is named after the release',
      );
      const event = told[named];
      if (event) this.#namedAtMs = Math.max(this.#namedAtMs, seenMs.get(event) ?? 0);
    }
    this.#recovered = await Promise.all(
      stuck.map(async (short) => {
        const stack = this.#fullName(short);
        return { stack, short, run: this.#run, dossier: await readDossier(this.#rehearsal, this.#run, stack) };
      }),
    );
    return `the attachment and the route are adopted; the two entries that were changed by hand were named before the release`;
  }

  async #finish(): Promise<string> {
    this.#resumedAtMs = Date.now();
    const onCall = await this.#onCall();
    const { id } = this.#routeTable;
    const deleting = commandOf('aws', 'ec2', 'delete-route', { routeTableId: id, destinationCidrBlock: addedByHand });
    await this.#rehearsal.byHand(lineOf(deleting), () =>
      this.#rehearsal.ec2.send(new DeleteRouteCommand({ RouteTableId: id, DestinationCidrBlock: addedByHand })),
    );
    const result = await this.#rehearsal.command(onCall, ['up', '--yes'], exitCodes.done, only('plan', 'summary'));
    const ends = endsOf(result);
    const rest = ['route-tables.shared', 'member.staging', 'route-tables.staging', 'segment.production'];
    expect(
      rest.every((short) => ends.get(short) === 'applied'),
      `${rest.join(', ')} are applied`,
      describeEnds(ends),
    );
    return `what the dead run did not get to is deployed, and the route to ${deletedByHand} is back`;
  }

  async #confirm(): Promise<string> {
    const onCall = await this.#onCall();
    const { told } = await this.#rehearsal.command(onCall, ['plan'], exitCodes.done, only('plan'));
    const left = told.flatMap((event) => (event.type === 'plan' ? event.plan.stacks.filter(({ hasChanges }) => hasChanges) : []));
    expect(
      told.some(({ type }) => type === 'plan') && left.length === 0,
      'the plan is empty',
      left.length === 0 ? 'no plan was told' : `it still has ${left.map(({ short }) => short).join(', ')}`,
    );
    await this.#rehearsal.page(onCall, ['inventory', '--diff'], exitCodes.done, /difference|agree|nothing/i);
    this.#greenAtMs = Date.now();
    return 'nothing to do, and AWS and every state are the same';
  }

  async #prove(): Promise<string> {
    const proofs: Proof[] = [];
    for (const recovered of this.#recovered) proofs.push(await lockStood(this.#rehearsal, recovered));
    for (const recovered of this.#recovered) proofs.push(await quarantineIsComplete(this.#rehearsal, recovered));
    proofs.push(await stateIsAws(this.#rehearsal, (await this.#rehearsal.stacks()).toSorted()));
    this.#proofs = proofs;
    return `${proofs.length} of ${proofs.length} hold`;
  }

  outcome(): ReturnType<Story['outcome']> {
    return {
      brokeAtMs: known(this.#brokeAtMs),
      greenAtMs: this.#greenAtMs,
      minutesByHand: 90,
      proofs: this.#proofs,
      timeline: this.#timeline(),
    };
  }

  #timeline(): readonly TimelineRow[] {
    const dossiers = this.#recovered.map(({ dossier }) => dossier);
    const during = (step: RecoveryStep): { readonly fromMs: number; readonly toMs: number } => {
      const times = dossiers.flatMap(({ steps }) => steps.filter((one) => one.step === step).map(({ at }) => Date.parse(at)));
      return { fromMs: Math.min(...times), toMs: Math.max(...times) };
    };
    const said = (step: RecoveryStep): string =>
      dossiers.flatMap(({ steps }) => steps.filter((one) => one.step === step).map((one) => one.said)).join('; ');
    const copies = dossiers.reduce((sum, { quarantine }) => sum + (quarantine?.versions ?? 0), 0);
    return [
      {
        step: '1 froze',
        byHand: 'paused the pipeline of that workspace, told everyone',
        here: `nothing to do: both locks stood, and the next up left the stacks out (exit 4)`,
        fromMs: known(this.#brokeAtMs),
        toMs: this.#refusedAtMs,
      },
      {
        step: '2 snapshotted',
        byHand: 'listed all versions of the state object of the last 24 h, copied them to a quarantine prefix',
        here: `${copies} versions of states, locks and journal copied to .holdfast/quarantine/, with a manifest`,
        ...during('quarantine'),
      },
      {
        step: '3 reconciled',
        byHand: "an import or a removal for each resource that the apply had touched, by CloudTrail's history for the runner's role",
        here: said('reconcile'),
        ...during('reconcile'),
      },
      {
        step: '',
        byHand: 'missed two route table entries',
        here: `both named: ${deletedByHand} deleted, ${addedByHand} added, neither by the run`,
        fromMs: this.#namedAtMs,
        toMs: this.#namedAtMs,
      },
      {
        step: '4 released',
        byHand: 'only then the lock, by its id',
        here: 'after the one write of the state: exactly the lock behind which it was reconciled',
        ...during('release'),
      },
      {
        step: '5 planned',
        byHand: 'near empty, but for the two entries that they had missed; read it, applied',
        here: 'up did the rest, then an empty plan and no difference to AWS',
        fromMs: this.#resumedAtMs,
        toMs: this.#greenAtMs,
      },
    ];
  }

  #fullName(short: string): string {
    return `${this.#rehearsal.network.spec.network}.${short}`;
  }
}

function changed(network: string): string {
  return edits.reduce((text, { find, put }) => {
    if (text.split(find).length !== 2) throw new Error(`the drill's network has "${find}" not once`);
    return text.replace(find, put);
  }, network);
}

/** How each stack ended, by short name. */
function endsOf({ told }: Told): ReadonlyMap<string, StackEnd['outcome']> {
  const summary = told.findLast((event) => event.type === 'summary');
  return new Map(summary?.ends.map(({ short, end }) => [short, end.outcome]));
}

const describeEnds = (ends: ReadonlyMap<string, StackEnd['outcome']>): string =>
  ends.size === 0 ? 'no summary was told' : [...ends].map(([short, outcome]) => `${short} ${outcome}`).join(', ');

/** The steps are played in their order. */
function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a step of the drill was played before the one that it builds on');
  return value;
}

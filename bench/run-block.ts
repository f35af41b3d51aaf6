import { Bucket } from '../orchestrator/aws/bucket.ts';
import { readInstallation } from '../orchestrator/state/installation.ts';
import { installationKey } from '../orchestrator/state/layout.ts';
import { lookAtAws } from '../test/support/aws-look.ts';
import { LabRig } from '../test/support/lab-rig.ts';
import { commandOf } from './contenders.ts';
import { measure } from './measured-command.ts';
import type { Cost, MeasuredCommand, Measuring } from './measured-command.ts';
import { graphOf, networkFor, networkOf, stacksToRun } from './networks.ts';
import { isDeployedTwice, turnsOf } from './plan.ts';
import type { Block, Case, Contender, Turn } from './plan.ts';
import { countEngines, countRequests, stacksWritten } from './requests.ts';
import type { Measurement } from './results.ts';

export interface RunOptions {
  readonly python: string;
  readonly cli: string;
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
  readonly onMeasured: (measurement: Measurement) => void;
}

/** Measures the blocks of one network on one lab, which is emptied, or taken back to what was deployed, before each turn. */
export async function runBlocks(blocks: readonly [Block, ...Block[]], options: RunOptions): Promise<void> {
  const text = await networkOf(blocks[0].size);
  const rig = await LabRig.start(text);
  try {
    const room = new Room(rig, text, isDeployedTwice(blocks), options);
    for (const block of blocks) {
      const looks = new Map<Case, string>();
      for (const turn of turnsOf(block)) {
        const measurement = await room.take(block, turn);
        // Whoever leaves something out is fast.
        const look = JSON.stringify(await lookAtAws(rig.ec2));
        if ((looks.get(turn.case) ?? look) !== look)
          throw new Error(`${turn.contender} has not deployed what the others did (${block.size} stacks, ${turn.case})`);
        looks.set(turn.case, look);
        options.onMeasured(measurement);
      }
    }
  } finally {
    await rig.stop();
  }
}

class Room {
  readonly #rig: LabRig;
  readonly #text: string;
  readonly #keeps: boolean;
  readonly #options: RunOptions;
  /** Of whom the lab has kept what was deployed. */
  readonly #kept = new Set<Contender>();
  /** Whose unchanged deployment is in the lab. */
  #standing: Contender | undefined;

  constructor(rig: LabRig, text: string, keeps: boolean, options: RunOptions) {
    this.#rig = rig;
    this.#text = text;
    this.#keeps = keeps;
    this.#options = options;
  }

  async take({ size, delayMs, scale }: Block, turn: Turn): Promise<Measurement> {
    const { case: which, contender } = turn;
    const rig = this.#rig;
    if (which === 'first') await this.#empty();
    else await this.#deployed(contender, size);
    await rig.writeNetwork(networkFor(which, this.#text));
    const command = await this.#commandOf(contender);
    if (delayMs > 0) for (const service of ['s3', 'ec2']) await rig.fault({ match: { service }, do: { kind: 'delay', ms: delayMs } });
    const before = await rig.forgetCalls();
    this.#standing = undefined;
    const cost = await measure(command, this.#measuring);
    const calls = await rig.calls();
    await rig.clearFaults();
    if (which === 'first') await this.#keep(contender);
    else if (!this.#keeps && which === 'noop') this.#standing = contender;
    const isWhole = calls[0] === undefined || calls[0].seq === before + 1;
    return {
      size,
      delayMs,
      scale,
      ...turn,
      ...rounded(cost),
      ...(isWhole ? { requests: countRequests(calls), engines: countEngines(calls) } : {}),
      ...(isWhole && contender !== 'one-stack' ? { stacks: this.#stacks(which, calls) } : {}),
    };
  }

  #stacks(which: Case, calls: Parameters<typeof stacksWritten>[0]): NonNullable<Measurement['stacks']> {
    const names = graphOf(networkFor(which, this.#text)).nodes.map(({ name }) => name);
    const [toRun, written] = [stacksToRun(which, this.#text), stacksWritten(calls, names)];
    return { toRun: toRun.size, written: written.size, same: toRun.size === written.size && [...toRun].every((name) => written.has(name)) };
  }

  async #commandOf(contender: Contender): Promise<MeasuredCommand> {
    const rig = this.#rig;
    const { cli, parallel } = this.#options;
    const installation = readInstallation((await new Bucket(rig.s3, rig.record.bucket).get(installationKey))?.body ?? '');
    if (!installation.ok) throw new Error(JSON.stringify(installation.problems));
    return commandOf(contender, { rig, cli, installation: installation.value.installation, parallel });
  }

  get #measuring(): Measuring {
    return { python: this.#options.python, folder: this.#rig.folder, signal: this.#options.signal };
  }

  async #empty(): Promise<void> {
    await this.#rig.reset();
    this.#standing = undefined;
  }

  /** The network as it is in the file, deployed and nothing else. */
  async #deployed(contender: Contender, size: number): Promise<void> {
    if (this.#standing === contender) return;
    if (this.#kept.has(contender)) {
      await this.#rig.restoreSnapshot(snapshotOf(contender));
      return;
    }
    this.#options.onProgress(`${size} stacks: deploying, which is not measured`);
    await this.#empty();
    await this.#rig.writeNetwork(this.#text);
    await measure(await this.#commandOf(contender), this.#measuring);
    await this.#keep(contender);
  }

  async #keep(contender: Contender): Promise<void> {
    this.#standing = contender;
    if (!this.#keeps || this.#kept.has(contender)) return;
    await this.#rig.takeSnapshot(snapshotOf(contender));
    this.#kept.add(contender);
  }
}

const snapshotOf = (contender: Contender): string => `deployed-${contender}`;

/** To what the clocks can tell. */
function rounded({ wallSeconds, cpuSeconds, peakMb }: Cost): Cost {
  const to = (value: number, unit: number): number => Math.round(value * unit) / unit;
  return { wallSeconds: to(wallSeconds, 1000), cpuSeconds: to(cpuSeconds, 1000), peakMb: to(peakMb, 10) };
}

import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { asRun } from '../../orchestrator/domain/command.ts';
import { exitCodes } from '../../orchestrator/domain/exit-codes.ts';
import type { LabRecord } from '../../orchestrator/domain/lab-record.ts';
import { messageOf, ok } from '../../orchestrator/domain/problem.ts';
import type { Result } from '../../orchestrator/domain/problem.ts';
import { parseNetwork } from '../../orchestrator/network/read-network.ts';
import type { Network } from '../../orchestrator/network/read-network.ts';
import { endEngineProcesses } from '../../orchestrator/pulumi/orphans.ts';
import type { RunEvent } from '../../orchestrator/run/events.ts';
import { runsPrefix, stacksPrefix } from '../../orchestrator/state/layout.ts';
import { describeEvent } from '../../orchestrator/ui/describe.ts';
import type { Style } from '../../orchestrator/ui/reporter.ts';
import { isAlive, ownIdentity, ProcessesUnseen, processesWithEnvironment, startedFromHere } from '../../toolchain/process-identity.ts';
import { runHoldfast } from '../command.ts';
import type { CommandResult, RunningCommand } from '../command.ts';
import { LabControl } from '../control.ts';
import { startLab, stopLab } from '../lab.ts';
import { expect } from './drill.ts';
import { indented, widest } from './text.ts';

/** Where a drill speaks, and what may end it. */
export interface Audience {
  readonly say: (text: string) => void;
  /** How far something is that takes long: the next text takes its place. */
  readonly hint: (text: string) => void;
  readonly style: Style;
  /** Everything that the commands print. */
  readonly verbose: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by a signal to the process. */
  readonly signal: AbortSignal;
}

/** Who types a command: the environment of their session. */
export interface Person {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface RanCommand {
  readonly command: string;
  readonly exitCode: number | null;
  readonly seconds: number;
}

export interface Ran extends CommandResult {
  /** As a person reads it. */
  readonly lines: readonly string[];
}

export interface Told extends Ran {
  readonly told: readonly RunEvent[];
}

/** Of the events of a command, those that a reader of a drill needs. */
export type Shown = (event: RunEvent) => boolean;

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A lab of its own in a temporary folder, the real commands as processes, and hands on AWS that do not go through Holdfast. */
export class Rehearsal {
  readonly folder: string;
  readonly record: LabRecord;
  readonly network: Network;
  readonly control: LabControl;
  readonly ec2: EC2Client;
  readonly bucket: Bucket;
  readonly #s3: S3Client;
  readonly #audience: Audience;
  readonly #startedMs = performance.now();
  readonly #atWork = new Set<RunningCommand>();
  #ran: RanCommand[] = [];

  private constructor(folder: string, record: LabRecord, network: Network, audience: Audience) {
    this.folder = folder;
    this.record = record;
    this.network = network;
    this.#audience = audience;
    this.control = new LabControl(record);
    const client = {
      endpoint: record.endpoint,
      region: record.region,
      credentials: { accessKeyId: 'console', secretAccessKey: 'console' },
    };
    this.ec2 = new EC2Client(client);
    this.#s3 = new S3Client({ ...client, forcePathStyle: true });
    this.bucket = new Bucket(this.#s3, record.bucket);
    audience.signal.addEventListener('abort', () => this.#killCommands(), { once: true });
  }

  /** @param text of the network file */
  static async open(text: string, audience: Audience): Promise<Result<Rehearsal>> {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-drill-'));
    const { signal } = audience;
    // A lab that is still being made cannot be asked to stop: it is tied to this process, and so is what is built for it.
    const abandon = (): void => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(exitCodes.stoppedBySignal);
    };
    signal.addEventListener('abort', abandon, { once: true });
    let opened: Result<Rehearsal> | undefined;
    try {
      const networkFile = join(folder, 'network.yaml');
      await writeFile(networkFile, text);
      const network = parseNetwork(networkFile, text);
      if (!network.ok) return network;
      const started = await startLab({
        folder: labFolderIn(folder),
        networkFile,
        network: network.value,
        port: 0,
        env: audience.env,
        onProgress: audience.hint,
        onNote: () => undefined,
        // However the drill ends, its lab ends with it.
        tied: true,
      });
      opened = started.ok ? ok(new Rehearsal(folder, started.value.record, network.value, audience)) : started;
      return opened;
    } finally {
      signal.removeEventListener('abort', abandon);
      if (opened?.ok !== true) await rm(folder, { recursive: true, force: true });
    }
  }

  get logFile(): string {
    return join(this.folder, 'drill.log');
  }

  say(text: string): void {
    this.#audience.say(text);
    this.log(text);
  }

  /** Of the story: at the margin of a step. @param hang columns that lines after the first are moved in */
  tell(text: string, hang = 0): void {
    this.say(indented(text, 3, Math.min(this.style.columns, widest), hang));
  }

  /** Among what a command prints. */
  remark(text: string): void {
    this.say(indented(text, indent, this.style.columns, 2));
  }

  get style(): Style {
    return this.#audience.style;
  }

  /** Only into the log. At once: what is not written when it goes wrong is what is looked for. */
  log(text: string): void {
    const seconds = ((performance.now() - this.#startedMs) / 1000).toFixed(1).padStart(6);
    appendFileSync(this.logFile, `${text.replaceAll(/^/gm, `${seconds}  `)}\n`);
  }

  /** Full names of the stacks that have a state. */
  async stacks(): Promise<readonly string[]> {
    const prefix = stacksPrefix(this.network.spec.network);
    const keys = (await this.bucket.list(prefix)).map(({ key }) => key).filter((key) => key.endsWith('.json'));
    return keys.map((key) => key.slice(key.lastIndexOf('/') + 1, -'.json'.length));
  }

  /** What was run since the last time that this was asked. */
  takeCommands(): readonly RanCommand[] {
    const ran = this.#ran;
    this.#ran = [];
    return ran;
  }

  /** Somebody with a session of two hours, as a person or a job gets it from STS. */
  async person(role: string, name: string): Promise<Person> {
    return { name, environment: await this.control.session(7200, role, name) };
  }

  writeNetwork(text: string): Promise<void> {
    return writeFile(this.record.network, text);
  }

  /** Starts a command whose events are shown as it tells them. */
  start(who: Person, args: readonly string[], shown: Shown): { readonly running: RunningCommand; readonly ended: Promise<Told> } {
    const { style, verbose } = this.#audience;
    const told: RunEvent[] = [];
    const { running, ended } = this.#spawn(who, args, ['--json'], (line) => {
      if (!line.startsWith('{')) return line;
      const event = JSON.parse(line) as RunEvent;
      told.push(event);
      const text = describeEvent(event, { ...style, columns: style.columns - indent });
      if (text !== undefined && (verbose || shown(event))) this.#audience.say(indented(text, indent, style.columns, 2));
      else if (text !== undefined) this.#audience.hint(`${args[0] ?? ''}: ${text.trimStart().split('\n', 1)[0] ?? ''}`);
      return text;
    });
    return { running, ended: ended.then((result) => ({ ...result, told })) };
  }

  /** Runs a command to its end, which has to be this exit code. */
  async command(who: Person, args: readonly string[], exitCode: number, shown: Shown): Promise<Told> {
    const result = await this.start(who, args, shown).ended;
    expectExit(args, result, exitCode);
    return result;
  }

  /** The same for a command that prints a page and not events. @param shown of its lines */
  async page(who: Person, args: readonly string[], exitCode: number, shown: RegExp): Promise<Ran> {
    const { style, verbose } = this.#audience;
    const result = await this.#spawn(who, args, [], (line) => {
      if (verbose || shown.test(line)) this.#audience.say(indented(line, indent, style.columns, 2));
      return line;
    }).ended;
    expectExit(args, result, exitCode);
    return result;
  }

  /** Something that is done straight at AWS, past Holdfast. @param as what would be typed for it */
  async byHand(as: string, act: () => Promise<unknown>): Promise<void> {
    this.#prompt(as, 'by hand');
    await act();
  }

  /** Ends all of it, whatever is at work. @param keep leaves the folder with the logs and a copy of the bucket, for whoever looks why */
  async close(keep: boolean): Promise<void> {
    this.#killCommands();
    await Promise.all([...this.#atWork].map(({ ended }) => ended));
    const runs = await this.bucket.folders(runsPrefix(this.network.spec.network)).catch((): string[] => []);
    if (keep) await this.#copyBucket().catch((cause: unknown) => this.log(`the bucket could not be copied: ${messageOf(cause)}`));
    const suspects = await startedFromHere();
    const owner = await ownIdentity();
    await endEngineProcesses('', suspects, {
      // Whatever command started it: it has this lab for AWS, and so it is this drill's.
      find: async () => {
        const here = await processesWithEnvironment('AWS_ENDPOINT_URL', (endpoint) => endpoint === this.record.endpoint, suspects);
        const engines = await processesWithEnvironment('HOLDFAST_ENGINE_OF', () => true, suspects);
        return here.filter(({ pid }) => engines.some((engine) => engine.pid === pid)).map((engine) => ({ ...engine, owner }));
      },
      isAlive,
      kill: (pid) => process.kill(pid, 'SIGKILL'),
      nowMs: () => performance.now(),
    }).catch((cause: unknown) => {
      if (!(cause instanceof ProcessesUnseen)) throw cause;
      this.log(`whether an engine of this drill is left is not known: ${cause.message}`);
    });
    this.ec2.destroy();
    this.#s3.destroy();
    await stopLab(labFolderIn(this.folder));
    if (keep) return;
    for (const run of runs) await rm(join(root, '.holdfast', 'spool', this.network.spec.network, run), { recursive: true, force: true });
    await rm(this.folder, { recursive: true, force: true });
  }

  #spawn(
    who: Person,
    args: readonly string[],
    hidden: readonly string[],
    /** @returns as a person reads it; undefined where they do not */
    onLine: (line: string) => string | undefined,
  ): { readonly running: RunningCommand; readonly ended: Promise<Ran> } {
    // Whoever ends the drill ends it between two commands of a step, too.
    this.#audience.signal.throwIfAborted();
    const typed = asRun(args);
    this.#prompt(typed, who.name);
    const startedMs = performance.now();
    const running = runHoldfast([...args, ...hidden], { cwd: this.folder, labFolder: labFolderIn(this.folder), env: who.environment });
    this.#atWork.add(running);
    const { stdout } = running.child;
    const lines: string[] = [];
    if (stdout)
      createInterface({ input: stdout }).on('line', (line) => {
        const read = onLine(line);
        if (read !== undefined) lines.push(read);
        this.log(read ?? line);
      });
    const ended = running.ended.then((result) => {
      this.#atWork.delete(running);
      this.#ran.push({ command: typed, exitCode: result.exitCode, seconds: (performance.now() - startedMs) / 1000 });
      this.log(`${result.stderr}exit ${result.exitCode ?? 'by a signal'}`);
      return { ...result, lines };
    });
    return { running, ended };
  }

  #prompt(typed: string, who: string): void {
    this.say(indented(`$ ${this.style.bold(typed)}  ${this.style.dim(`(${who})`)}`, indent - 2, this.style.columns, 4));
  }

  #killCommands(): void {
    for (const { child } of this.#atWork) child.kill('SIGKILL');
  }

  /** States, locks, journal and dossiers. Of the quarantine, which is large, what it was copied from. */
  async #copyBucket(): Promise<void> {
    for (const { key } of await this.bucket.list('')) {
      if (key.startsWith('.holdfast/quarantine/')) continue;
      const file = join(this.folder, 'bucket', key);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, (await this.bucket.get(key))?.body ?? '');
    }
  }
}

/** Columns before what a command prints. */
const indent = 6;

const labFolderIn = (folder: string): string => join(folder, 'lab');

/** Lines of a command that are worth repeating where it ends as it should not. */
const lastLines = 5;

function expectExit(args: readonly string[], { exitCode, lines, stderr }: Ran, wanted: number): void {
  const printed = [...lines, stderr].flatMap((text) => text.split('\n')).filter((line) => line.trim() !== '');
  expect(
    exitCode === wanted,
    `${args.join(' ')} ends with exit code ${wanted}`,
    `exit code ${exitCode ?? 'none: it was killed'}; it printed last:\n${printed.slice(-lastLines).join('\n')}`,
  );
}

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from './case.ts';
import { nameOf } from './cells.ts';
import type { Cell } from './cells.ts';
import type { AwsLook } from './oracle.ts';
import type { Recording } from './room.ts';
import type { Part } from './scenarios.ts';
import type { Answer, Order } from './worker.ts';

/** Workers side by side, each with its lab. */
export class Crew {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  static async open(size: number): Promise<Crew> {
    return new Crew(await Promise.all(Array.from({ length: size }, () => Worker.open())));
  }

  /** @returns what each part's clean run is, in the order of the parts */
  record(parts: readonly Part[]): Promise<readonly Recording[]> {
    return this.#each(parts, (worker, part) => worker.record(part));
  }

  /** Whichever worker is free takes the next one. */
  run(cells: readonly Cell[], lookOf: (cell: Cell) => AwsLook, onEnd: (result: CaseResult) => void): Promise<readonly CaseResult[]> {
    return this.#each(cells, async (worker, cell) => {
      const result = await worker.run(cell, lookOf(cell));
      onEnd(result);
      return result;
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  async #each<Item, Result>(items: readonly Item[], act: (worker: Worker, item: Item) => Promise<Result>): Promise<readonly Result[]> {
    const results: Result[] = [];
    const left = items.entries();
    await Promise.all(
      this.#workers.map(async (worker) => {
        for (const [index, item] of left) results[index] = await act(worker, item);
      }),
    );
    return results;
  }
}

class Worker {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async open(): Promise<Worker> {
    const worker = new Worker(
      fork(fileURLToPath(new URL('worker.ts', import.meta.url)), [], {
        execArgv: ['--import', import.meta.resolve('tsx')],
        // As in bin/holdfast.mjs.
        env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
      }),
    );
    await worker.#answer();
    return worker;
  }

  async record(part: Part): Promise<Recording> {
    const answer = await this.#ask({ kind: 'record', part: part.name });
    if (answer.kind !== 'recorded') throw new Error(`a worker answered ${answer.kind}`);
    return answer.recording;
  }

  async run(cell: Cell, look: AwsLook): Promise<CaseResult> {
    const answer = await this.#ask({ kind: 'case', cell: nameOf(cell), look });
    if (answer.kind !== 'ended') throw new Error(`a worker answered ${answer.kind}`);
    return answer.result;
  }

  async close(): Promise<void> {
    if (!this.#child.connected) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send({ kind: 'close' } satisfies Order);
    await gone;
  }

  #ask(order: Order): Promise<Answer> {
    const answer = this.#answer();
    this.#child.send(order);
    return answer;
  }

  async #answer(): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#child.once('message', (message) => resolve(message as Answer));
      this.#child.once('exit', (code, signal) => reject(new Error(`a worker ended (${signal ?? code ?? '?'})`)));
    });
    this.#child.removeAllListeners('exit');
    if (answer.kind === 'failed') throw new Error(answer.why);
    return answer;
  }
}

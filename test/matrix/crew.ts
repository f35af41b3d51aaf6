import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from './case.ts';
import type { Point } from './calls.ts';
import { nameOf, secondNameOf } from './cells.ts';
import type { Cell, SecondCell } from './cells.ts';
import type { AwsLook } from './oracle.ts';
import type { Recording } from './room.ts';
import type { Part } from './scenarios.ts';
import type { Answer, Order } from './worker.ts';

/** Workers side by side, each with its lab; whichever is free takes what comes next. */
export class Crew {
  readonly #workers: readonly Worker[];
  readonly #free: Worker[];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
    this.#free = [...workers];
  }

  static async open(size: number): Promise<Crew> {
    return new Crew(await Promise.all(Array.from({ length: size }, () => Worker.open())));
  }

  record(part: Part): Promise<Recording> {
    return this.#withWorker((worker) => worker.record(part));
  }

  recordRecovery(base: Cell): Promise<readonly Point[]> {
    return this.#withWorker((worker) => worker.recordRecovery(base));
  }

  run(cell: Cell | SecondCell, look: AwsLook): Promise<CaseResult> {
    return this.#withWorker((worker) => worker.run(cell, look));
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  async #withWorker<Result>(act: (worker: Worker) => Promise<Result>): Promise<Result> {
    const worker = this.#free.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    try {
      return await act(worker);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(worker);
      else this.#free.push(worker);
    }
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
        execArgv: ['--import', new URL('../../toolchain/tsx.mjs', import.meta.url).href],
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

  async recordRecovery(base: Cell): Promise<readonly Point[]> {
    const answer = await this.#ask({ kind: 'record-recovery', base: nameOf(base) });
    if (answer.kind !== 'recovery-recorded') throw new Error(`a worker answered ${answer.kind}`);
    return answer.points;
  }

  async run(cell: Cell | SecondCell, look: AwsLook): Promise<CaseResult> {
    const answer = await this.#ask(
      'base' in cell ? { kind: 'second', cell: secondNameOf(cell), look } : { kind: 'case', cell: nameOf(cell), look },
    );
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
      const ended = (code: number | null, signal: string | null): void => reject(new Error(`a worker ended (${signal ?? code ?? '?'})`));
      this.#child.once('exit', ended);
      this.#child.once('message', (message) => {
        // Its own alone: whoever closes the worker waits for its exit too.
        this.#child.off('exit', ended);
        resolve(message as Answer);
      });
    });
    if (answer.kind === 'failed') throw new Error(answer.why);
    return answer;
  }
}

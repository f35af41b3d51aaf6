import { request as httpRequest } from 'node:http';
import type { EngineResult, EngineStep, FailedStep } from '../../../orchestrator/pulumi/engine.ts';
import type { WorkOptions } from '../../../orchestrator/run/stack-run.ts';
import { checkpointKey } from '../../../orchestrator/state/layout.ts';

export const vpcType = 'aws:ec2/vpc:Vpc';

export const urnOf = (stack: string, name: string, type = vpcType): string => `urn:pulumi:${stack}::holdfast::${type}::${name}`;

export const stepOf = (op: string, name: string, stack = 's', phase: EngineStep['phase'] = 'done'): EngineStep => ({
  phase,
  op,
  type: vpcType,
  name,
  urn: urnOf(stack, name),
  changed: [],
  replacing: [],
});

/** As the AWS SDK for Go says that AWS refused a request. */
export const refusedBy = (operation: string, code: string, status = 400): string =>
  `creating EC2 VPC: operation error EC2: ${operation}, https response error StatusCode: ${status}, RequestID: 5b2f, api error ${code}: because.`;

export interface Pending {
  readonly type: string;
  readonly name: string;
}

/** A checkpoint as the engine writes it: its resources by name and id, and what it is about to do. */
export function checkpointOf(
  stack: string,
  resources: ReadonlyMap<string, string> = new Map(),
  pending: readonly Pending[] = [],
  outputs: object = {},
): string {
  return JSON.stringify({
    version: 3,
    checkpoint: {
      stack,
      latest: {
        resources: [
          { urn: `urn:pulumi:${stack}::holdfast::pulumi:pulumi:Stack::s`, type: 'pulumi:pulumi:Stack', outputs },
          ...[...resources].map(([name, id]) => ({ urn: urnOf(stack, name), type: vpcType, custom: true, id })),
        ],
        pending_operations: pending.map(({ type, name }) => ({ type, resource: { urn: urnOf(stack, name), type: vpcType } })),
      },
    },
  });
}

/** What AWS has, by stack: the ids of its objects. */
export type FakeAws = Map<string, Set<string>>;

/**
 * Plays the engine over the wire: it writes its intent before each step, asks AWS, and writes what came of it. Refused a write it stops, as the
 * real one does.
 */
export class FakeEngine {
  readonly stack: string;
  readonly options: WorkOptions;
  readonly #aws: FakeAws;
  readonly #resources: Map<string, string>;
  readonly #steps: EngineStep[] = [];
  readonly #failures: FailedStep[] = [];
  readonly #unfinished: EngineStep[] = [];
  readonly #errors: string[] = [];

  constructor(stack: string, options: WorkOptions, aws: FakeAws, resources: ReadonlyMap<string, string>) {
    this.stack = stack;
    this.options = options;
    this.#aws = aws;
    this.#resources = new Map(resources);
  }

  /** Objects that AWS has of the stack. */
  get objects(): Set<string> {
    const objects = this.#aws.get(this.stack) ?? new Set<string>();
    this.#aws.set(this.stack, objects);
    return objects;
  }

  /** @returns whether it was accepted */
  async write(pending: readonly Pending[] = [], outputs: object = {}): Promise<boolean> {
    return this.#sent('PUT', checkpointOf(this.stack, this.#resources, pending, outputs));
  }

  /** A whole create, with its intent and its result. */
  async create(name: string): Promise<this> {
    if (this.#isStopped()) return this;
    this.#unfinished.push(stepOf('create', name, this.stack, 'started'));
    if (!(await this.write([{ type: 'creating', name }]))) return this;
    const id = `vpc-${name}`;
    this.objects.add(id);
    this.#resources.set(name, id);
    if (!(await this.write())) return this;
    this.#unfinished.pop();
    this.#steps.push(stepOf('create', name, this.stack));
    return this;
  }

  /** A create that AWS answers with an error, in these words; `made`: it made the object all the same. */
  async fail(name: string, message: string, made = false): Promise<this> {
    if (this.#isStopped()) return this;
    this.#unfinished.push(stepOf('create', name, this.stack, 'started'));
    if (!(await this.write([{ type: 'creating', name }]))) return this;
    if (made) this.objects.add(`vpc-${name}`);
    if (!(await this.write())) return this;
    this.#unfinished.pop();
    const step = stepOf('create', name, this.stack, 'failed');
    this.#steps.push(step);
    this.#failures.push({ step, messages: [message] });
    this.#errors.push(message);
    return this;
  }

  /** A delete that AWS answers with an error, in these words. */
  async failDelete(name: string, message: string): Promise<this> {
    if (this.#isStopped()) return this;
    this.#unfinished.push(stepOf('delete', name, this.stack, 'started'));
    if (!(await this.write([{ type: 'deleting', name }]))) return this;
    if (!(await this.write())) return this;
    this.#unfinished.pop();
    const step = stepOf('delete', name, this.stack, 'failed');
    this.#steps.push(step);
    this.#failures.push({ step, messages: [message] });
    this.#errors.push(message);
    return this;
  }

  /** A delete that AWS refuses, and that is tried again and again. */
  async tryDelete(name: string): Promise<this> {
    const step = stepOf('delete', name, this.stack, 'started');
    this.#unfinished.push(step);
    await this.write([{ type: 'deleting', name }]);
    this.options.onStep(step);
    return this;
  }

  /** A create of which the engine never sees the end. */
  async begin(name: string, made = true): Promise<this> {
    if (this.#isStopped()) return this;
    this.#unfinished.push(stepOf('create', name, this.stack, 'started'));
    if ((await this.write([{ type: 'creating', name }])) && made) this.objects.add(`vpc-${name}`);
    return this;
  }

  /** Deletes all that there is, one after the other, and then the stack itself. */
  async destroy(): Promise<this> {
    for (const [name, id] of [...this.#resources]) {
      if (this.#isStopped()) return this;
      this.#unfinished.push(stepOf('delete', name, this.stack, 'started'));
      if (!(await this.write([{ type: 'deleting', name }]))) return this;
      this.objects.delete(id);
      this.#resources.delete(name);
      if (!(await this.write())) return this;
      this.#unfinished.pop();
      this.#steps.push(stepOf('delete', name, this.stack));
    }
    await this.#sent('DELETE');
    return this;
  }

  end(): EngineResult {
    if (this.#errors.length === 0 && this.#unfinished.length === 0)
      return { outcome: 'succeeded', steps: this.#steps, unfinished: this.#unfinished };
    return {
      outcome: 'failed',
      steps: this.#steps,
      unfinished: this.#unfinished,
      failures: this.#failures,
      started: true,
      errors: this.#errors,
      interrupted: this.options.signal.aborted,
    };
  }

  /** Refused once, it does nothing more. */
  #isStopped(): boolean {
    return this.#errors.length > 0 || this.#unfinished.length > 0;
  }

  /** @returns with which status the stack's checkpoint is answered */
  async read(stack: string): Promise<number> {
    return (await this.#answered('GET', checkpointKey(stack)))[0];
  }

  async #sent(method: 'PUT' | 'DELETE', body?: string): Promise<boolean> {
    const [status, text] = await this.#answered(method, checkpointKey(this.stack), body);
    if (status < 300) return true;
    this.#errors.push(/<Message>(.*?)<\/Message>/s.exec(text)?.[1] ?? text);
    return false;
  }

  async #answered(method: 'GET' | 'PUT' | 'DELETE', key: string, body?: string): Promise<readonly [number, string]> {
    const url = new URL(this.options.backendUrl);
    const { hostname, port } = new URL(url.searchParams.get('endpoint') ?? '');
    const path = `/${url.host}/${key}`;
    return await new Promise((resolve, reject) => {
      const sending = httpRequest({ hostname, port, method, path }, (answer) => {
        let said = '';
        answer.on('data', (part: Buffer) => (said += part.toString())).on('end', () => resolve([answer.statusCode ?? 0, said]));
      });
      sending.on('error', reject).end(body);
    });
  }
}

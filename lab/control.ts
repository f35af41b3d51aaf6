import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { Looked } from '../orchestrator/aws/looked.ts';
import type { LabRecord } from '../orchestrator/domain/lab-record.ts';
import type { Inventory } from '../orchestrator/inventory/live-object.ts';
import type { CommandResult } from './command.ts';

/** A call of AWS as the proxy has written it down. */
export interface LabCall {
  readonly seq: number;
  readonly service: string;
  readonly action: string;
  readonly mutating: boolean;
  readonly accessKeyId: string | null;
  readonly userAgent: string | null;
  readonly params: Record<string, string>;
  /** Of S3. */
  readonly key: string | null;
  readonly status: number;
  readonly errorCode: string | null;
  readonly sessionName: string | null;
  /** In the reply of one that changes something. */
  readonly resourceIds: readonly string[];
}

/** What AWS has after a call of EC2 that changes something, or when the watch begins. */
export interface LabMoment {
  /** Of the call, or of the last one before the beginning. */
  readonly seq: number;
  /** Null at the beginning. */
  readonly action: string | null;
  readonly looked: Looked<Inventory>;
}

/** A command whose end is waited for: of Holdfast, or of another program. */
export interface EndingCommand {
  readonly ended: Promise<Pick<CommandResult, 'stdout' | 'stderr'>>;
}

export interface HeldCalls {
  readonly held: readonly { readonly n: number }[];
}

/** What AWS does is decided here: faults, held calls, sessions, and the list of all calls. Over the lab's own HTTP paths, so that it serves any process. */
export class LabControl {
  readonly #record: LabRecord;

  constructor(record: LabRecord) {
    this.#record = record;
  }

  /** Every call of AWS that the proxy saw since `since`. */
  async calls(filter: { readonly mutating?: boolean; readonly service?: string; readonly since?: number } = {}): Promise<LabCall[]> {
    const query = new URLSearchParams(Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]));
    const answer = (await (await this.#ask(`calls?${query.toString()}`)).json()) as { calls: LabCall[] };
    return answer.calls;
  }

  /** Resolves when a call has been answered with that error. */
  async refused(errorCode: string): Promise<void> {
    for (let since = 0; ;) {
      const answer = (await (await this.#ask(`calls?wait=1&since=${since}`)).json()) as { calls: LabCall[]; last: number };
      if (answer.calls.some((call) => call.errorCode === errorCode)) return;
      since = answer.calls.at(-1)?.seq ?? since;
    }
  }

  async lastCall(): Promise<number> {
    const answer = (await (await this.#ask('calls')).json()) as { last: number };
    return answer.last;
  }

  /** Forgets what was called. @returns the number of the last call */
  async forgetCalls(): Promise<number> {
    const answer = (await (await this.#ask('calls', 'DELETE')).json()) as { last: number };
    return answer.last;
  }

  /** @param fault a `FaultOrder`, which the lab checks */
  async fault(fault: object): Promise<void> {
    await this.#ask('faults', 'POST', fault);
  }

  async clearFaults(): Promise<void> {
    await this.#ask('faults', 'DELETE');
  }

  /** Resolves as soon as the proxy holds a call, by this fault where one is named; rejects where the command that should make it ends instead. */
  async heldCall(run: EndingCommand, fault?: string): Promise<HeldCalls> {
    const waiting = new AbortController();
    const query = new URLSearchParams({ wait: '1', ...(fault === undefined ? {} : { fault }) });
    const held = fetch(`${this.#record.endpoint}/_lab/held?${query.toString()}`, { signal: waiting.signal }).then(
      async (answer) => (await answer.json()) as HeldCalls,
    );
    const over = run.ended.then(({ stdout, stderr }): never => {
      waiting.abort();
      throw new Error(`the command ended and no call was held:\n${stdout}\n${stderr}`);
    });
    held.catch(() => undefined);
    over.catch(() => undefined);
    return Promise.race([held, over]);
  }

  /** Lets a held call go on to AWS, or its reply to its caller; or cuts the connection. */
  async release(n: number, how: 'go-on' | 'cut' = 'go-on'): Promise<void> {
    await this.#ask(`held/${n}/release`, 'POST', { how });
  }

  /** Lets a session of this lab expire now. */
  async expire(accessKeyId: string): Promise<void> {
    await this.#ask(`sessions/${accessKeyId}/expire`, 'POST', {});
  }

  /** Ends a session of this lab for these services, or for all. */
  async revoke(accessKeyId: string, services?: readonly string[]): Promise<void> {
    await this.#ask(`sessions/${accessKeyId}/revoke`, 'POST', services === undefined ? {} : { services });
  }

  /** From now on sessions of the role may do what the policy says; without one, everything. @param policy a document of IAM, which the lab checks */
  async setRole(name: string, policy?: object): Promise<void> {
    await this.#ask(`roles/${name}`, policy === undefined ? 'DELETE' : 'PUT', policy);
  }

  /** How late the event history has what was done. */
  async delayTrail(deliveryDelaySeconds: number): Promise<void> {
    await this.#ask('cloudtrail', 'POST', { deliveryDelaySeconds });
  }

  /** From now on AWS is looked at after each call of EC2 that changes something, before its caller hears of it. */
  async watch(): Promise<void> {
    await this.#ask('watch', 'POST');
  }

  /** What AWS had at each moment since then, the beginning first. */
  async moments(): Promise<LabMoment[]> {
    const answer = (await (await this.#ask('watch')).json()) as { moments: LabMoment[] };
    return answer.moments;
  }

  /** Empties AWS, the bucket and the record of calls. */
  async reset(): Promise<void> {
    await this.#ask('reset', 'POST');
  }

  /** Keeps what AWS and the bucket have, under a name. */
  async takeSnapshot(name: string): Promise<void> {
    await this.#ask(`snapshots/${name}`, 'PUT');
  }

  /** Goes back to it; faults, calls, event history and the watch end, sessions stay. */
  async restoreSnapshot(name: string): Promise<void> {
    await this.#ask(`snapshots/${name}`, 'POST');
  }

  /** Environment of a session that the lab's STS gives for so long. */
  async session(seconds: number, role: string, name: string, accountId = this.#record.accountId): Promise<Record<string, string>> {
    const { endpoint, region } = this.#record;
    const sts = new STSClient({ endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    try {
      const { Credentials } = await sts.send(
        new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${accountId}:role/${role}`, RoleSessionName: name, DurationSeconds: seconds }),
      );
      if (!Credentials) throw new Error('STS answered without credentials');
      return {
        AWS_ACCESS_KEY_ID: Credentials.AccessKeyId ?? '',
        AWS_SECRET_ACCESS_KEY: Credentials.SecretAccessKey ?? '',
        AWS_SESSION_TOKEN: Credentials.SessionToken ?? '',
        AWS_CREDENTIAL_EXPIRATION: Credentials.Expiration?.toISOString() ?? '',
      };
    } finally {
      sts.destroy();
    }
  }

  /** @throws where the lab refuses: what was asked of it is wrong */
  async #ask(path: string, method = 'GET', body?: object): Promise<Response> {
    const token = this.#record.control?.token;
    const answer = await fetch(`${this.#record.endpoint}/_lab/${path}`, {
      method,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  }
}

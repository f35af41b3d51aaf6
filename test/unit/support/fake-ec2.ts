import { EC2Client } from '@aws-sdk/client-ec2';

/** One call of EC2: the action, and what it was asked. */
export interface FakeCall {
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
}

interface Filtered {
  readonly Filters?: readonly { readonly Name: string; readonly Values: readonly string[] }[];
}

/** The values of a filter of a call; undefined where it has none of that name. */
export const filterOf = ({ input }: FakeCall, name: string): readonly string[] | undefined =>
  (input as Filtered).Filters?.find(({ Name }) => Name === name)?.Values;

/** An EC2 that answers in the SDK's own shapes, as each test says, and has nothing of what it is not told. */
export class FakeEc2 extends EC2Client {
  readonly calls: FakeCall[] = [];
  /** The most calls that were under way at once. */
  atOnce = 0;
  #underWay = 0;
  readonly #answer: (call: FakeCall) => object | undefined;

  constructor(answer: (call: FakeCall) => object | undefined) {
    super({ region: 'eu-west-1', credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' } });
    this.#answer = answer;
    Object.assign(this, { send: (command: { readonly input: object }) => this.#send(command) });
  }

  async #send(command: { readonly input: object }): Promise<object> {
    const call = { action: command.constructor.name.replace(/Command$/, ''), input: { ...command.input } };
    this.calls.push(call);
    this.#underWay += 1;
    this.atOnce = Math.max(this.atOnce, this.#underWay);
    try {
      await Promise.resolve();
      return this.#answer(call) ?? {};
    } finally {
      this.#underWay -= 1;
    }
  }

  actions(): string[] {
    return this.calls.map(({ action }) => action);
  }
}

/** A refusal of AWS. */
export const refusal = (code: string, message: string): Error => Object.assign(new Error(message), { name: code });

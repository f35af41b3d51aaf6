import type { Looked } from '../../../orchestrator/aws/looked.ts';
import { objectKey } from '../../../orchestrator/inventory/live-object.ts';
import type { Inventory, LiveObject, LookScope } from '../../../orchestrator/inventory/live-object.ts';

/** Time that passes only where somebody waits for it, and then at once. */
export class FakeTime {
  ms: number;
  /** How long was waited, in order. */
  readonly slept: number[] = [];

  constructor(startMs = Date.parse('2030-01-01T00:00:00Z')) {
    this.ms = startMs;
  }

  now = (): number => this.ms;

  sleep = (milliseconds: number): Promise<void> => {
    this.slept.push(milliseconds);
    this.ms += milliseconds;
    return Promise.resolve();
  };
}

interface Shown {
  readonly object: LiveObject;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** AWS, as a look shows it: late, and what is in scope alone. What it really has is `objects`. */
export class FakeCloud {
  readonly #time: FakeTime;
  #shown: Shown[] = [];
  /** What each look was about. */
  readonly looks: LookScope[] = [];
  /** What the next looks fail with. */
  refusal: { readonly code: string; readonly message: string } | undefined;
  incomplete: readonly string[] = [];

  constructor(time: FakeTime) {
    this.#time = time;
  }

  /** What there is, shown or not. */
  get objects(): readonly LiveObject[] {
    return this.#shown.filter(({ untilMs }) => untilMs === Number.POSITIVE_INFINITY).map(({ object }) => object);
  }

  /** @param lateSeconds until a describe shows it */
  add(object: LiveObject, lateSeconds = 0): this {
    this.#shown.push({ object, fromMs: this.#time.ms + lateSeconds * 1000, untilMs: Number.POSITIVE_INFINITY });
    return this;
  }

  /** @param lateSeconds for which a describe still shows it */
  remove(id: string, lateSeconds = 0): this {
    const untilMs = this.#time.ms + lateSeconds * 1000;
    this.#shown = this.#shown.map((one) => (one.object.id === id && one.untilMs === Number.POSITIVE_INFINITY ? { ...one, untilMs } : one));
    return this;
  }

  /** In its place, from so many seconds on, what it changes to. */
  change(id: string, more: Partial<LiveObject>, lateSeconds = 0): this {
    const object = this.objects.find((one) => one.id === id);
    return object ? this.remove(id, lateSeconds).add({ ...object, ...more }, lateSeconds) : this;
  }

  readonly #hidden = new Set<string>();

  /** The provider's own read does not show it, although a look does. */
  hide(id: string): void {
    this.#hidden.add(id);
  }

  show(id: string): void {
    this.#hidden.delete(id);
  }

  /** As the provider reads it. */
  find = ({ type, id }: Pick<LiveObject, 'type' | 'id'>): LiveObject | undefined =>
    this.#hidden.has(id) ? undefined : this.objects.find((object) => object.type === type && object.id === id);

  look = (scope: LookScope): Promise<Looked<Inventory>> => {
    this.looks.push(scope);
    if (this.refusal) return Promise.resolve({ ok: false, ...this.refusal });
    const from = this.#time.ms;
    const visible = this.#shown.filter(({ fromMs, untilMs }) => fromMs <= from && from < untilMs).map(({ object }) => object);
    const bears = ({ tags }: LiveObject): boolean =>
      scope.stacks.includes(tags?.['holdfast:stack'] ?? '') &&
      (scope.installation === undefined || tags?.['holdfast:installation'] === scope.installation);
    const isKnown = ({ type, id }: LiveObject): boolean => scope.known.get(type)?.includes(id) === true;
    const containers = new Set([
      ...[...scope.known.values()].flat(),
      ...visible.filter((object) => bears(object) || isKnown(object)).map(({ id }) => id),
    ]);
    const objects = visible.filter((object) => bears(object) || isKnown(object) || object.refersTo.some((id) => containers.has(id)));
    const unique = [...new Map(objects.map((object) => [objectKey(object), object])).values()];
    return Promise.resolve({ ok: true, value: { from, until: from, objects: unique, incomplete: this.incomplete } });
  };
}

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Call } from './calls.ts';
import type { Clock } from './clock.ts';
import type { Refusal } from './error-replies.ts';
import {
  eventEpochSeconds,
  isManagementEvent,
  lookupAttributes,
  resourcesOf,
  writeEvent,
  type Outcome,
  type TrailEvent,
} from './cloudtrail-events.ts';
import { throttled } from './refusals.ts';
import type { Session } from './sessions.ts';

/** How the trail behaves; set over `POST /_lab/cloudtrail`. */
export const trailSettingsSchema = z.strictObject({
  /** An event can be looked up this long after its call. AWS says: typically 5 minutes, at most 15. */
  deliveryDelaySeconds: z.number().min(0).optional(),
  /** Lookups a second before `ThrottlingException`; AWS allows 2. null: no limit. */
  lookupsPerSecond: z.number().int().positive().nullable().optional(),
});

export type TrailSettings = { deliveryDelaySeconds: number; lookupsPerSecond: number | null };

export type LookupResult = { kind: 'events'; body: string } | { kind: 'refused'; refusal: Refusal };

const lookupRequest = z.object({
  LookupAttributes: z.array(z.object({ AttributeKey: z.string(), AttributeValue: z.string() })).nullish(),
  StartTime: z.number().nullish(),
  EndTime: z.number().nullish(),
  MaxResults: z.number().nullish(),
  NextToken: z.string().nullish(),
});

const refuse = (code: string, message: string): LookupResult => ({ kind: 'refused', refusal: { status: 400, code, message } });

/**
 * The event history of the lab's account: what `LookupEvents` answers from. It holds management calls that change something, the
 * failed ones with their `errorCode`; a call refused because its session was over is not in it, as on AWS, where nobody was
 * identified. Newest first.
 */
export class CloudTrail {
  readonly #clock: Clock;
  readonly #where: { accountId: string; region: string };
  readonly #limit: number;
  #events: TrailEvent[] = [];
  #lookups: number[] = [];
  #settings: TrailSettings = { deliveryDelaySeconds: 0, lookupsPerSecond: null };

  constructor({ clock, accountId, region, limit = 50_000 }: { clock: Clock; accountId: string; region: string; limit?: number }) {
    this.#clock = clock;
    this.#where = { accountId, region };
    this.#limit = limit;
  }

  get settings(): TrailSettings {
    return this.#settings;
  }

  configure(change: z.infer<typeof trailSettingsSchema>): TrailSettings {
    this.#settings = {
      deliveryDelaySeconds: change.deliveryDelaySeconds ?? this.#settings.deliveryDelaySeconds,
      lookupsPerSecond: change.lookupsPerSecond === undefined ? this.#settings.lookupsPerSecond : change.lookupsPerSecond,
    };
    return this.#settings;
  }

  add(call: Call, outcome: Outcome, session: Session | undefined): void {
    if (!isManagementEvent(call)) return;
    this.#events.push({ eventId: randomUUID(), call, outcome, session, resources: resourcesOf(call) });
    if (this.#events.length > this.#limit * 1.1) this.#events = this.#events.slice(-this.#limit);
  }

  forget(): void {
    this.#events = [];
  }

  /** Answers `LookupEvents`: one attribute, a time range with both ends included, pages of at most 50. */
  lookup(body: string): LookupResult {
    const nowMs = this.#clock.now().getTime();
    const limit = this.#settings.lookupsPerSecond;
    if (limit !== null) {
      this.#lookups = this.#lookups.filter((atMs) => atMs > nowMs - 1000);
      if (this.#lookups.length >= limit) return { kind: 'refused', refusal: throttled({ service: 'cloudtrail', action: 'LookupEvents' }) };
      this.#lookups.push(nowMs);
    }

    const request = parseRequest(body);
    if (request === undefined) return refuse('SerializationException', 'The request is not a LookupEvents request.');
    const { LookupAttributes: attributes, StartTime: start, EndTime: end, MaxResults: maxResults, NextToken: token } = request;

    if (attributes != null && attributes.length > 1) {
      return refuse('InvalidLookupAttributesException', 'Only one lookup attribute can be specified.');
    }
    const attribute = attributes?.[0];
    const matches = attribute === undefined ? undefined : lookupAttributes[attribute.AttributeKey];
    if (attribute !== undefined && matches === undefined) {
      return refuse('InvalidLookupAttributesException', `The attribute key ${attribute.AttributeKey} is not valid.`);
    }
    if (start != null && end != null && start > end) {
      return refuse('InvalidTimeRangeException', 'The start time is after the end time.');
    }
    const pageSize = maxResults ?? 50;
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 50) {
      return refuse('InvalidMaxResultsException', 'The maximum number of results must be between 1 and 50.');
    }
    const before = token == null ? Number.POSITIVE_INFINITY : readToken(token);
    if (before === undefined) return refuse('InvalidNextTokenException', 'The next token is not valid.');

    // A page is found from the newest end, and its token names the last event given: events that arrive between two pages move nothing.
    const visibleUntilMs = nowMs - this.#settings.deliveryDelaySeconds * 1000;
    const page: TrailEvent[] = [];
    let more = false;
    for (let index = this.#events.length - 1; index >= 0; index -= 1) {
      const event = this.#events[index];
      if (event === undefined || event.call.seq >= before) continue;
      if (Date.parse(event.call.time) > visibleUntilMs) continue;
      const atSeconds = eventEpochSeconds(event);
      if (start != null && atSeconds < Math.floor(start)) continue;
      if (end != null && atSeconds > end) continue;
      if (attribute !== undefined && matches?.(event, attribute.AttributeValue) === false) continue;
      if (page.length === pageSize) {
        more = true;
        break;
      }
      page.push(event);
    }
    const last = page.at(-1);
    return {
      kind: 'events',
      body: JSON.stringify({
        Events: page.map((event) => writeEvent(event, this.#where)),
        ...(more && last !== undefined ? { NextToken: writeToken(last.call.seq) } : {}),
      }),
    };
  }
}

const parseRequest = (body: string): z.infer<typeof lookupRequest> | undefined => {
  try {
    return lookupRequest.safeParse(JSON.parse(body === '' ? '{}' : body)).data;
  } catch {
    return undefined;
  }
};

const writeToken = (seq: number): string => Buffer.from(`before:${seq}`).toString('base64');

const readToken = (token: string): number | undefined => {
  const seq = /^before:(\d+)$/.exec(Buffer.from(token, 'base64').toString('latin1'))?.[1];
  return seq === undefined ? undefined : Number(seq);
};

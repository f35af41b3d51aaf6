import type { CheckResult, Command } from '../../../orchestrator/preflight/check.ts';
import { runChecks } from '../../../orchestrator/preflight/check.ts';
import { checks } from '../../../orchestrator/preflight/checks.ts';
import type { PreflightFacts } from '../../../orchestrator/preflight/checks.ts';
import { writeProbe } from '../../../orchestrator/state/store-probe.ts';
import { exampleOf } from './example.ts';

export const now = Date.parse('2030-01-01T12:00:00Z');

export const sessionOf = (minutes: number): Date => new Date(now + minutes * 60_000);

/** What bootstrap writes of a store that keeps to every condition. */
export const honest = writeProbe({ putIfAbsent: true, putIfMatches: true, deleteIfMatches: true }, now);

/** A state of the world in which every check is ok, with what differs. */
export const factsWith = (different: Partial<PreflightFacts> = {}): PreflightFacts => ({
  network: exampleOf(),
  bucket: 'holdfast-state',
  target: 'LAB',
  now,
  sessionSource: 'a test',
  expiry: sessionOf(120),
  renewable: false,
  forecastSeconds: 360,
  identity: {
    ok: true,
    value: { account: '111122223333', arn: 'arn:aws:sts::111122223333:assumed-role/deployer/holdfast', clockSkewSeconds: 0 },
  },
  zones: { ok: true, value: ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'] },
  existing: 'nothing-to-make',
  quotas: { answers: [] },
  bucketFacts: { ok: true, value: { versioned: true, installation: '{}', probe: honest } },
  properties: [],
  secrets: { configured: 'passphrase', passphrase: { from: 'nowhere', empty: true }, key: undefined, stacks: [] },
  locks: [],
  held: [],
  unreadable: [],
  unreadableRecords: [],
  missingUpstreams: [],
  cli: '3.246.0',
  plugin: 'aws plugin 7.48.0',
  users: { kind: 'seen', users: [] },
  runbookReviewed: '2029-12-01',
  ...different,
});

export async function preflight(command: Command, different: Partial<PreflightFacts> = {}): Promise<readonly CheckResult[]> {
  return runChecks(checks, factsWith(different), command, () => undefined);
}

/** What one check came to. */
export async function checkOf(id: string, command: Command, different: Partial<PreflightFacts> = {}): Promise<CheckResult> {
  const result = (await preflight(command, different)).find((check) => check.id === id);
  if (!result) throw new Error(`there is no check "${id}"`);
  return result;
}

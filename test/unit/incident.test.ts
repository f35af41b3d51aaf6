import { describe, expect, it } from 'vitest';
import { refuseIncident } from '../../orchestrator/cli/incident.ts';
import type { OpenedFile } from '../../orchestrator/cli/open-file.ts';
import { Refusal } from '../../orchestrator/domain/problem.ts';
import { exampleOf, exampleWith, lineOf } from './support/example.ts';

/** The problem of an incident with a network whose file has this pattern; undefined where it is taken. */
function refusalOf(incident: string | undefined, pattern?: string) {
  const text = pattern === undefined ? exampleWith() : exampleWith(['segments:', `recovery: { incident: '${pattern}' }\nsegments:`]);
  try {
    refuseIncident({ network: exampleOf(text) } as OpenedFile, incident);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    return {
      ...cause.problems[0],
      isAtPattern: cause.problems[0]?.line === lineOf(text, pattern === undefined ? 'segments:' : 'recovery:'),
    };
  }
}

describe('the incident of a command', () => {
  it.each([
    ['as the pattern says', 'INC-2041', '^INC-[0-9]+$'],
    ['where the file has no pattern', 'whatever', undefined],
    ['where none is given', undefined, '^INC-[0-9]+$'],
  ])('is taken %s', (_, incident, pattern) => {
    expect(refusalOf(incident, pattern)).toBeUndefined();
  });

  it('is refused where it looks otherwise, with the line of the pattern', () => {
    expect(refusalOf('INC', '^INC-[0-9]+$')).toMatchObject({ reason: 'incident-malformed', isAtPattern: true });
  });

  it('is refused by its length before it is looked at', () => {
    expect(refusalOf('a'.repeat(201), '^(a+)+$')).toMatchObject({ reason: 'incident-too-long' });
    expect(refusalOf('a'.repeat(201))).toMatchObject({ reason: 'incident-too-long' });
  });

  it.each(['^(a+)+$', '^(.*a){20}$'])('is refused where the pattern %s would never come to an end with it', (pattern) => {
    expect(refusalOf(`${'a'.repeat(60)}!`, pattern)).toMatchObject({ reason: 'incident-pattern-slow', isAtPattern: true });
  });
});

import { runInNewContext } from 'node:vm';
import { exitCodes } from '../domain/exit-codes.ts';
import { incidentForm } from '../domain/forms.ts';
import { Refusal } from '../domain/problem.ts';
import type { Problem } from '../domain/problem.ts';
import { incidentTooLong, malformedIncident, slowIncidentPattern, unwritableIncident } from '../ui/usage.ts';
import type { OpenedFile } from './open-file.ts';

/** An id of a tracker, or a link to one. */
const mostCharacters = 200;

/** Milliseconds. A pattern that does not double its time with each character needs thousandths of one. */
const patienceMs = 1_000;

/**
 * An incident has to look as the network file says: what lands in locks, journal and dossiers is searched for later.
 * @throws Refusal where it does not
 */
export function refuseIncident({ network }: OpenedFile, incident: string | undefined): void {
  if (incident === undefined) return;
  if (incident.length > mostCharacters) throw new Refusal(exitCodes.usage, incidentTooLong(incident.length, mostCharacters));
  const wanted = network.spec.recovery.incident;
  if (!incidentForm.safeParse(incident).success) throw new Refusal(exitCodes.usage, unwritableIncident);
  if (wanted === undefined) return;
  const line = network.lineOf(['recovery', 'incident']);
  const refuse = (problem: Problem): never => {
    throw new Refusal(exitCodes.usage, { ...problem, file: network.file, ...(line === undefined ? {} : { line }) });
  };
  switch (matches(incident, wanted)) {
    case 'yes':
      return;
    case 'no':
      return refuse(malformedIncident(incident, wanted));
    case 'too-slow':
      return refuse(slowIncidentPattern(wanted, patienceMs / 1000));
  }
}

/** A file may have any pattern, and some never come to an end: the engine of regular expressions can be stopped only from outside its script. */
function matches(incident: string, wanted: string): 'yes' | 'no' | 'too-slow' {
  try {
    return runInNewContext(`new RegExp(wanted, 'u').test(incident)`, { wanted, incident }, { timeout: patienceMs }) === true ? 'yes' : 'no';
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'too-slow';
    throw cause;
  }
}

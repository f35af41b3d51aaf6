import { exitCodes } from '../domain/exit-codes.ts';
import { Refusal } from '../domain/problem.ts';
import { malformedIncident } from '../ui/usage.ts';
import type { OpenedFile } from './open-file.ts';

/**
 * An incident has to look as the network file says: what lands in locks, journal and dossiers is searched for later.
 * @throws Refusal where it does not
 */
export function refuseIncident({ network }: OpenedFile, incident: string | undefined): void {
  const wanted = network.spec.recovery.incident;
  if (incident === undefined || wanted === undefined || new RegExp(wanted, 'u').test(incident)) return;
  throw new Refusal(exitCodes.usage, malformedIncident(incident, wanted, network.file, network.lineOf(['recovery', 'incident'])));
}

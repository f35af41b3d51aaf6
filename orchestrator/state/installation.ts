import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { commandOf, lineOf } from '../domain/command.ts';
import { timeForm } from '../domain/forms.ts';
import { notOk, ok } from '../domain/problem.ts';
import type { Result } from '../domain/problem.ts';
import { installationKey, schemaVersion } from './layout.ts';
import { readObject } from './read-json.ts';

/** The random name that tells two installations in one account apart. Made once, with the bucket. */
export interface Installation {
  readonly installation: string;
}

const installationSchema = z.object({ schema: z.number(), installation: z.string().regex(/^[a-z0-9]{16}$/), createdAt: timeForm });

export function newInstallation(now: number): string {
  return JSON.stringify({
    schema: schemaVersion,
    // A letter that is no digit of any number: CloudTrail writes what looks like a number as one, and loses digits of it.
    installation: `h${randomBytes(8).toString('hex').slice(1)}`,
    createdAt: new Date(now).toISOString(),
  } satisfies z.infer<typeof installationSchema>);
}

export function readInstallation(body: string): Result<Installation> {
  const read = readObject(body, installationSchema);
  if (read.ok) return ok({ installation: read.value.installation });
  if (read.newer !== undefined)
    return notOk({
      reason: 'newer-schema',
      message: `the state bucket was prepared by a newer Holdfast (schema ${read.newer}, this one knows ${schemaVersion})`,
      next: 'Use that version of Holdfast.',
    });
  return notOk({
    reason: 'installation-malformed',
    message: `${installationKey} in the state bucket is not what bootstrap wrote`,
    next: `Restore its first version (${lineOf(commandOf('aws', 's3api', 'list-object-versions'))}): the tags of everything deployed carry its name.`,
  });
}

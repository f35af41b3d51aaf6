import { z } from 'zod';
import { fittedLine, fittedProse, incidentForm, lineForm, proseForm, timeForm } from '../domain/forms.ts';

/** An object that a person decided to leave in AWS and out of the state: reported by `inventory`, and in the way of no run. */
export const disownedSchema = z.object({
  /** As the state would have it. */
  id: lineForm(1000).min(1),
  /** Pulumi's type token. */
  type: lineForm(200).min(1),
  /** The name that the object had in its stack, where it had one. */
  resource: lineForm(500).optional(),
  reason: proseForm(1000),
  incident: incidentForm.optional(),
  by: lineForm(400),
  at: timeForm,
});

export type DisownedObject = Readonly<z.infer<typeof disownedSchema>>;

/** As it is written. */
export const fittedDisowned = (object: DisownedObject): DisownedObject => ({
  ...object,
  reason: fittedProse(object.reason, 1000),
  ...(object.resource === undefined ? {} : { resource: fittedLine(object.resource) }),
});

/** Who disowned an object first is what counts. */
export function withDisowned(before: readonly DisownedObject[], objects: readonly DisownedObject[]): DisownedObject[] {
  const known = new Set(before.map(({ type, id }) => `${type} ${id}`));
  const added = objects.filter(({ type, id }) => {
    const isNew = !known.has(`${type} ${id}`);
    known.add(`${type} ${id}`);
    return isNew;
  });
  return [...before, ...added];
}

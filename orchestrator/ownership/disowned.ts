import { z } from 'zod';

/** An object that a person decided to leave in AWS and out of the state: reported by `inventory`, and in the way of no run. */
export const disownedSchema = z.object({
  /** As the state would have it. */
  id: z.string().min(1).max(500),
  /** Pulumi's type token. */
  type: z.string().min(1).max(200),
  /** The name that the object had in its stack, where it had one. */
  resource: z.string().max(300).optional(),
  reason: z.string().max(1000),
  incident: z.string().max(200).optional(),
  by: z.string().max(300),
  at: z.string().max(40),
});

export type DisownedObject = Readonly<z.infer<typeof disownedSchema>>;

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

/** In the place of a value that a preview cannot know. */
export const notKnown: unique symbol = Symbol('known after the run');

/** A stack's outputs as a preview saw them. Of a map each value is known or not by itself. */
export type PreviewedOutputs = Readonly<Record<string, unknown>>;

/** Whether an output is a map, whose values are known one by one. */
export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

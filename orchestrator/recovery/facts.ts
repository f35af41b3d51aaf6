/**
 * What is known of one thing in question: an object of AWS that the stack has or may have made, or a create of which no object was found. The decision
 * table goes by these facts and by nothing else. Each has few values, so that the table can be tried over all combinations.
 */
export const factValues = {
  /**
   * `engine`: the cloud has nothing of it (the stack itself, components, providers, references). `unlisted`: its type has no row in the table of
   * types, so that AWS cannot be asked for it.
   */
  kind: ['cloud', 'engine', 'unlisted'],
  /**
   * How the checkpoint has the object. `condemned`: replaced by another one, and to be deleted. `replaced-away`: deleted, and not yet replaced.
   */
  state: ['unrecorded', 'recorded', 'condemned', 'replaced-away'],
  /** What the run had begun on it, and of which no end is recorded. */
  operation: ['none', 'create', 'update', 'delete', 'read', 'import'],
  /**
   * What AWS shows. `coming`, `going`: it is being made or deleted. `over`: it failed, and will never be there. `gone`: not shown in looks that are further apart than AWS may lag behind, or its
   * deletion was seen. `unsettled`: the looks so far are not far enough apart. `unseen`: it could not be looked at.
   */
  live: ['there', 'coming', 'going', 'over', 'gone', 'unsettled', 'unseen'],
  /**
   * Whether a look would show what was made: its id is known, or its key can be made of what was asked for, or that has the tags by which it is looked
   * for. `no` only of a create, and of what may have another id since an update. Not to see what is looked for by nothing says nothing.
   */
  findable: ['yes', 'no'],
  /**
   * By what a live object is known as the resource's. `other-target`: its key is the resource's, and it leads elsewhere. `another-stack`: the state of
   * another stack of the network has it, which goes before tags and keys. `cannot-tell`: it has no tags of ours, and the state of some other stack could
   * not be read.
   */
  bears: ['our-tags', 'our-key', 'other-target', 'nothing', 'another-stack', 'cannot-tell'],
  /**
   * What else there is of the same resource. `recorded-there`, `recorded-gone`: the checkpoint has another object for it, which AWS has, or has not.
   * `successor`: the run made another object to replace it. `twin`: there is another unrecorded one, which goes before this one.
   */
  beside: ['alone', 'recorded-there', 'recorded-gone', 'successor', 'twin'],
  /** Whether CloudTrail says that the run made it. It proves presence, and never absence. `open`: it may still say so, being minutes late. */
  trail: ['open', 'silent', 'made'],
  /** Whether a checkpoint, or the program, tells how it is to be recorded. */
  shape: ['known', 'unknown'],
  /** `protect` in the program. */
  protect: ['no', 'yes'],
  /** `retainOnDelete` in the program: the engine deletes it from the state, and leaves it in AWS. */
  retain: ['no', 'yes'],
  /** What a person answered. */
  said: ['nothing', 'adopt', 'forget', 'disown', 'delete'],
} as const;

export type FactName = keyof typeof factValues;

export type Facts = { readonly [F in FactName]: (typeof factValues)[F][number] };

export type Operation = Facts['operation'];

/** What is to become of it. */
export type Decision =
  /** It enters the state under its id. */
  | 'adopt'
  /** It stays as the state has it; the refresh brings its properties up to date. */
  | 'keep'
  /** It leaves the state, or the operation does: AWS has nothing of it. */
  | 'forget'
  /** It is in the state as to be deleted, and the next `up` deletes it. */
  | 'condemn'
  /** A second object of one resource: named, and for a person to decide. */
  | 'duplicate'
  /** It leaves the state, and stays in AWS on purpose: it goes to the stack's disowned list. */
  | 'disown'
  /** Look again. */
  | 'wait'
  /** A person must decide. */
  | 'ask';

/** Where things are in the state bucket. Pulumi's own places are as its DIY backend has them; Holdfast's are below `.holdfast/`. */

/** The Pulumi project of every stack, as in Pulumi.yaml. */
export const project = 'holdfast';

/** Says that the bucket has today's layout; the engine writes it where it is missing. */
export const metaKey = '.pulumi/meta.yaml';

export const stacksPrefix = (network: string): string => `.pulumi/stacks/${project}/${network}.`;

export const checkpointKey = (stack: string): string => `.pulumi/stacks/${project}/${stack}.json`;

/** The lock folders of all stacks of a network. A lock is an object directly in its stack's folder; what is in a sub-folder is invisible to the engine. */
export const locksPrefix = (network: string): string => `.pulumi/locks/organization/${project}/${network}.`;

export const lockFolder = (stack: string): string => `.pulumi/locks/organization/${project}/${stack}/`;

/** Holdfast's lock on a stack: one key, so that a conditional put decides who has it. */
export const durableLockKey = (stack: string): string => `${lockFolder(stack)}holdfast.json`;

export const historyPrefix = (network: string): string => `.pulumi/history/${project}/${network}.`;

export const installationKey = '.holdfast/installation.json';

/** What `bootstrap` found when it tried whether the store keeps to conditions. */
export const probeKey = '.holdfast/store-probe.json';

/** The journal of a run: one immutable object an event. */
export const runsPrefix = (network: string): string => `.holdfast/runs/${network}/`;

export const runPrefix = (network: string, run: string): string => `${runsPrefix(network)}${run}/`;

/** The type is in the name, so that a listing tells what there is. */
export const runEventKey = (network: string, run: string, writer: string, sequence: number, type: string): string =>
  `${runPrefix(network, run)}${writer}-${String(sequence).padStart(6, '0')}-${type}.json`;

/** Marks of the runs that are not closed: what `status` has to read, however many runs there ever were. */
export const openRunsPrefix = (network: string): string => `.holdfast/open/${network}/`;

export const openRunKey = (network: string, run: string, writer: string): string => `${openRunsPrefix(network)}${run}/${writer}.json`;

/** The checkpoint's version at the last verified end of each stack. */
export const verifiedPrefix = (network: string): string => `.holdfast/verified/${network}.`;

export const verifiedKey = (stack: string): string => `.holdfast/verified/${stack}.json`;

/** Over which checkpoint, and with what, the engine has nothing to do: of all stacks. May be lost. */
export const indexKey = (network: string): string => `.holdfast/shared/${network}/index.json`;

export const frozenPrefix = (network: string): string => `.holdfast/frozen/${network}.`;

export const frozenKey = (stack: string): string => `.holdfast/frozen/${stack}.json`;

/** What a person decided to leave in AWS and out of the state. */
export const disownedPrefix = (network: string): string => `.holdfast/disowned/${network}.`;

export const disownedKey = (stack: string): string => `.holdfast/disowned/${stack}.json`;

export const heartbeatsPrefix = (network: string): string => `.holdfast/heartbeats/${network}/`;

export const heartbeatKey = (network: string, nonce: string): string => `${heartbeatsPrefix(network)}${nonce}.json`;

/** What notifiers were told of a stack: each alert once by each. */
export const toldPrefix = (network: string): string => `.holdfast/told/${network}/`;

export const toldKey = (network: string, stack: string, what: string): string => `${toldPrefix(network)}${stack}/${what}.json`;

/** Which of the runs that several processes share has begun last. */
export const latestSharedRunKey = (network: string): string => `.holdfast/shared/${network}/latest.json`;

/** The parts of a shared run: each process says when it begins, and how its stacks ended. */
export const sharedRunPrefix = (network: string, name: string): string => `.holdfast/shared/${network}/runs/${name}/`;

export const sharedPartKey = (network: string, name: string, run: string, what: 'begun' | 'ended'): string =>
  `${sharedRunPrefix(network, name)}${run}-${what}.json`;

/** Copies of what was there before a recovery wrote anything. Never removed, and never written over. */
export const quarantinePrefix = (network: string, run: string, stack: string): string => `.holdfast/quarantine/${network}/${run}/${stack}/`;

/** What recoveries of a stack in a run found, decided and did. */
export const dossiersPrefix = (network: string, run: string, stack: string): string => `.holdfast/dossiers/${network}/${run}/${stack}/`;

/** Written into every object of ours. A newer one was made by a newer Holdfast, and is not touched. */
export const schemaVersion = 1;

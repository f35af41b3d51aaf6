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

/** The records of all stacks of a network. @see ownership/stack-record.ts */
export const recordsPrefix = (network: string): string => `.holdfast/stacks/${network}/`;

export const recordKey = (stack: string): string => `${recordsPrefix(stack.split('.')[0] ?? '')}${stack}.json`;

/** The text of a network file that a run went by, under its SHA-256. */
export const networkFileKey = (network: string, digest: string): string => `.holdfast/networks/${network}/${digest}.yaml`;

/** Where a Holdfast without stack records kept what they say now: a bucket that has some of it is refused. */
export const oldLayoutPrefixes = (network: string): readonly string[] => [
  `.holdfast/verified/${network}.`,
  `.holdfast/frozen/${network}.`,
  `.holdfast/disowned/${network}.`,
  `.holdfast/open/${network}/`,
];

/** Over which checkpoint, and with what, the engine has nothing to do: of all stacks. May be lost. */
export const indexKey = (network: string): string => `.holdfast/shared/${network}/index.json`;

export const heartbeatsPrefix = (network: string): string => `.holdfast/heartbeats/${network}/`;

export const heartbeatKey = (network: string, nonce: string): string => `${heartbeatsPrefix(network)}${nonce}.json`;

/** Below the heartbeats: who may write those may write it, and an old one goes with them. */
export const waitingPrefix = (network: string): string => `${heartbeatsPrefix(network)}waiting/`;

export const waitingKey = (network: string, nonce: string): string => `${waitingPrefix(network)}${nonce}.json`;

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

/** Where things are in the state bucket. Pulumi's own places are as its DIY backend has them; Holdfast's are below `.holdfast/`. */

/** The Pulumi project of every stack, as in Pulumi.yaml. */
export const project = 'holdfast';

export const stacksPrefix = (network: string): string => `.pulumi/stacks/${project}/${network}.`;

export const checkpointKey = (stack: string): string => `.pulumi/stacks/${project}/${stack}.json`;

export const engineLocksPrefix = (network: string): string => `.pulumi/locks/organization/${project}/${network}.`;

export const historyPrefix = (network: string): string => `.pulumi/history/${project}/${network}.`;

export const installationKey = '.holdfast/installation.json';

/** What `bootstrap` found when it tried whether the store keeps to conditions. */
export const probeKey = '.holdfast/store-probe.json';

export const runLocksPrefix = (network: string): string => `.holdfast/locks/${network}.`;

export const runLockKey = (stack: string): string => `.holdfast/locks/${stack}.json`;

/** Written into every object of ours. A newer one was made by a newer Holdfast, and is not touched. */
export const schemaVersion = 1;

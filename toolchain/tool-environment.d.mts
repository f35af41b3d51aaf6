/** Which settings of its own a tool gets, beside what every one gets. */
export type Tool = 'go' | 'python' | 'node' | 'npm' | 'git';

export function toolEnvironment(env: Readonly<Record<string, string | undefined>>, ...tools: readonly Tool[]): Record<string, string>;

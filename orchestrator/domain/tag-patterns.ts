/** Keys of tags: one key, or with `*` at its end all that begin so. */

/** What the field's controllers and autoscalers put on subnets, VPCs and route tables of a network to find them again. */
export const tagsOfControllers: readonly string[] = ['kubernetes.io/*', 'k8s.io/*', 'karpenter.sh/*', 'elbv2.k8s.aws/*'];

export function matchesTag(pattern: string, key: string): boolean {
  return pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : key === pattern;
}

export const isIgnoredTag = (patterns: readonly string[], key: string): boolean => patterns.some((pattern) => matchesTag(pattern, key));

/** As the provider takes them. https://www.pulumi.com/registry/packages/aws/api-docs/provider/#providerignoretags */
export function ignoredByProvider(patterns: readonly string[]): { readonly keys: string[]; readonly keyPrefixes: string[] } {
  return {
    keys: patterns.filter((pattern) => !pattern.endsWith('*')),
    keyPrefixes: patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1)),
  };
}

/** Keys that are set here, and that nothing may be blind to: by them a resource is found again. */
export const ownTags = ['Name', 'holdfast:installation', 'holdfast:stack', 'holdfast:resource'] as const;

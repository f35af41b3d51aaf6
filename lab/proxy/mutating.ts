const reads = /^(Describe|Get|List|Search|Head|Lookup|Select|Export|BatchGet)/;

/**
 * Whether a call changes something, by its name. The calls of STS that hand out sessions change nothing: CloudTrail marks them
 * `readOnly`. A call that could not be named (`GET /path`) is judged by its method.
 */
export const isMutating = (service: string, action: string): boolean => {
  if (service === 'sts') return !/^(AssumeRole|Get|Decode)/.test(action);
  const method = /^([A-Z]+) \//.exec(action)?.[1];
  if (method !== undefined) return !['GET', 'HEAD', 'OPTIONS'].includes(method);
  return !reads.test(action);
};

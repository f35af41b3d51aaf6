import debuggable from '@pulumi/pulumi/runtime/debuggable.js';

/** Not in the SDK's types. */
interface Debuggable {
  readonly debugPromiseLeaks: boolean;
  debuggablePromise: (promise: Promise<unknown>, context: unknown) => Promise<unknown>;
}

/**
 * The SDK takes a trace for each of its own promises, four for each output of a resource, and reads it only where PULUMI_DEBUG_PROMISE_LEAKS is set: a tenth of
 * what this process does in a deployment. Without that variable it takes none from here on. The traces of all other errors stay as they are. Once in a process.
 */
export function dropPromiseTraces(): void {
  const sdk = debuggable as unknown as Debuggable;
  if (sdk.debugPromiseLeaks) return;
  const { debuggablePromise } = sdk;
  sdk.debuggablePromise = (promise, context) => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return debuggablePromise(promise, context);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
}

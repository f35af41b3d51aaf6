/** Of the SDK's own types as much as is used: a client and a command have it. */
interface WithMiddleware {
  readonly middlewareStack: {
    readonly add: (middleware: Middleware, options: { readonly step: 'deserialize'; readonly priority: 'low' }) => void;
  };
}

type Middleware = (next: Handler) => Handler;
type Handler = (args: never) => Promise<{ readonly response: unknown }>;

/** @param note told of the time that each answer bears, in milliseconds by the clock of the service, and in whole seconds */
export function noteDates(client: { readonly middlewareStack: unknown }, note: (at: number) => void): void {
  (client as WithMiddleware).middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const at = Date.parse((answer.response as { readonly headers?: Readonly<Record<string, string>> }).headers?.['date'] ?? '');
      if (!Number.isNaN(at)) note(at);
      return answer;
    },
    { step: 'deserialize', priority: 'low' },
  );
}

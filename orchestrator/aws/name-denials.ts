import { actionOf, services } from './permissions/calls.ts';
import { asDenied, isDenied } from './permissions/denial.ts';

/** Of the SDK's own types as much as is used: they differ from client to client, and this is the same for all. */
type Handler = (request: { readonly input: object }) => Promise<unknown>;
type Middleware = (next: Handler, context: { readonly clientName?: string; readonly commandName?: string }) => Handler;
interface Stack {
  readonly add: (middleware: Middleware, options: { readonly step: 'initialize'; readonly name: string }) => void;
}

/** Lets errors of this client that say "denied" name the missing action and its object, and whose policy has it: S3's own often say neither. */
export function nameDenials<Client extends { readonly middlewareStack: unknown }>(client: Client): Client {
  (client.middlewareStack as Stack).add(
    (next, { clientName = '', commandName = '' }) =>
      async (request) => {
        try {
          return await next(request);
        } catch (cause) {
          const service = services[clientName];
          if (!(cause instanceof Error) || service === undefined) throw cause;
          const status = (cause as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
          if (!isDenied({ name: cause.name, status })) throw cause;
          const action = actionOf(service, commandName.replace(/Command$/, ''), request.input);
          const on = objectOf(request.input);
          throw asDenied(cause, { action, ...(on === undefined ? {} : { on }) });
        }
      },
    { step: 'initialize', name: 'holdfastNamesDenials' },
  );
  return client;
}

function objectOf(input: object): string | undefined {
  const { Bucket, Key, TopicArn, KeyId } = input as Readonly<Record<string, unknown>>;
  if (typeof Bucket === 'string') return typeof Key === 'string' ? `${Bucket}/${Key}` : Bucket;
  return [TopicArn, KeyId].find((value) => typeof value === 'string');
}

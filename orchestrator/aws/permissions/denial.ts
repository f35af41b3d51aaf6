import { command } from '../../domain/command.ts';
import { permissions } from './roles.ts';

/** Codes with which the services say that a session may not do what it asks. */
const denied = /\b(UnauthorizedOperation|AccessDenied(Exception)?|AuthorizationError|Forbidden)\b/;

/** In AWS's own words, where they name it: `… is not authorized to perform: ec2:CreateVpc on resource: …` */
const named = /not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)/;

/** The action that each error is about. Beside the errors: they are the SDK's own. */
const deniedActions = new WeakMap<object, string>();

/** The action that was refused, of an error of one of the clients. */
export const deniedActionOf = (cause: unknown): string | undefined =>
  typeof cause === 'object' && cause !== null ? deniedActions.get(cause) : undefined;

/** The same error, as its class and its status are looked at, with the action that was refused. */
export function asDenied(cause: Error, call: { readonly action: string; readonly on?: string }): Error {
  deniedActions.set(cause, named.exec(cause.message)?.[1] ?? call.action);
  cause.message = explainDenial(cause.message, call);
  return cause;
}

/** As the provider tells it: `operation error EC2: CreateVpc, https response error StatusCode: 403, …` */
const called = /operation error ([A-Za-z0-9 ]+): (\w+),/;

export const isDenied = ({ name, status }: { readonly name: string; readonly status: number | undefined }): boolean =>
  // A HEAD has no body, so that its status is all.
  denied.test(name) || (status === 403 && /^(403|Unknown(Error)?)$/.test(name));

/**
 * AWS's words, which often do not say what was refused, and after them the action, its object, and whose policy has it.
 * @param call the action that was called, as a policy names it, and its object where it has one
 */
export function explainDenial(words: string, call: { readonly action: string; readonly on?: string }): string {
  const action = named.exec(words)?.[1];
  const said = words.replace(/[.\s]+$/, '');
  if (action !== undefined) return `${said}. ${adviceOn(action, words)}`;
  const on = call.on === undefined ? '' : ` on ${call.on}`;
  return `${said}: the session may not call ${call.action}${on}. ${adviceOn(call.action, words)}`;
}

/** The same of what the engine or the provider tells; as it is where it tells of nothing that was denied. */
export function explainIfDenied(text: string): string {
  const [, service = '', call] = called.exec(text) ?? [];
  if (!denied.test(text)) return text;
  const action = named.exec(text)?.[1] ?? (call === undefined ? undefined : `${service.replaceAll(' ', '').toLowerCase()}:${call}`);
  return action === undefined ? text : explainDenial(text, { action });
}

function adviceOn(action: string, words: string): string {
  const roles = [...new Set(permissions.filter((row) => row.action === action).flatMap((row) => row.roles))];
  const [first] = roles;
  if (first === undefined) return `No role of Holdfast's needs ${action} (docs/roles.md)`;
  const have =
    roles.length === 1
      ? `the role ${first} has`
      : roles.length > 4
        ? 'most roles have'
        : `the roles ${roles.slice(0, -1).join(', ')} and ${roles.at(-1) ?? ''} have`;
  const shown = roles.includes('apply') ? 'apply' : first;
  return words.includes('explicit deny')
    ? `${action} is denied outright: by a policy, a boundary, or because the session was revoked; ${have} it (${command('policy', shown)})`
    : `Allow ${action}: ${have} it (${command('policy', shown)})`;
}

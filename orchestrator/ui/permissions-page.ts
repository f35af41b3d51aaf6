import { lineOf, piped, script } from '../domain/command.ts';
import { tableRow, withPart } from '../domain/page.ts';
import type { Problem } from '../domain/problem.ts';
import type { NetworkSpec } from '../network/spec.ts';
import { places } from '../aws/permissions/places.ts';
import { mostCharacters } from '../aws/permissions/policy.ts';
import type { Where } from '../aws/permissions/places.ts';
import { permissions, roles } from '../aws/permissions/roles.ts';
import type { Permission, Role } from '../aws/permissions/roles.ts';

/** For people: whose the role is. */
export const purposes: Readonly<Record<Role, string>> = {
  plan: 'plan, graph, env: a pull request. It decrypts nothing',
  apply: 'up, destroy, preflight: the deploy job. It settles what ends unclean, so that it may do what recover may',
  inventory: 'inventory, with and without --diff: a nightly job, or whoever looks',
  recover: 'recover, freeze, unfreeze: whoever is on call. recover --resume deploys, and needs apply',
  release: 'release, freeze, unfreeze: whoever may end a lock without a recovery',
  watch: 'locks --notify, status, locks, runs: a job every ten minutes',
  bootstrap: 'bootstrap: once for each bucket, by an administrator',
};

/** Of a role whose statements one managed policy does not take. */
export const severalPolicies = (role: Role, count: number): string =>
  `The role ${role} has ${count} policies: what a managed policy takes is ${mostCharacters} characters. Attach all of them to the role. One at a time: ${lineOf(piped('policy', role, { part: 1 }))}`;

export const noSuchPart = (role: Role, part: number, count: number): Problem => ({
  reason: 'no-such-part',
  message: `The role ${role} has ${count} ${count === 1 ? 'policy' : 'policies'}, and no part ${part}.`,
  next: `Take one from 1 to ${count}, or leave --part out.`,
});

/**
 * The page with the table of today between its marks.
 * @throws where the page has no such marks
 */
export const withPermissions = (page: string): string =>
  withPart(page, { what: 'the table of permissions', madeBy: script('roles:page') }, tableText());

/** Names that stand for whatever a network file has. */
const anyNetwork = {
  network: 'NETWORK',
  account: 'ACCOUNT',
  region: 'REGION',
  state: { bucket: 'BUCKET', secrets: 'awskms://KEY' },
  guardrails: { topic: { arn: 'guardrails.topic' }, metric: { namespace: 'guardrails.metric' } },
} as unknown as NetworkSpec;

function tableText(): string {
  const rows = new Map<string, { readonly row: Permission; readonly actions: string[] }>();
  for (const row of permissions) {
    const key = [row.place, row.roles, row.why].join('|');
    rows.set(key, { row, actions: [...(rows.get(key)?.actions ?? []), row.action] });
  }
  return [
    tableRow(['where', 'actions', 'roles', 'why']),
    tableRow(['---', '---', '---', '---']),
    ...[...rows.values()].map(({ row, actions }) =>
      tableRow([
        whereText(row),
        actions.map((action) => `\`${action}\``).join(' '),
        row.roles.length === roles.length ? 'all' : row.roles.join(', '),
        row.why,
      ]),
    ),
  ].join('\n');
}

function whereText({ place }: Permission): string {
  const { resources, condition }: Where = places[place](anyNetwork);
  const names = resources.map((resource) => `\`${resource.replace('arn:aws:s3:::BUCKET/', '')}\``).join(' ');
  return condition === undefined ? names : `${names} where \`${JSON.stringify(condition)}\``;
}

import { tableRow, withPart } from '../../domain/page.ts';
import type { NetworkSpec } from '../../network/spec.ts';
import { places } from './places.ts';
import type { Where } from './places.ts';
import { permissions, roles } from './roles.ts';
import type { Permission } from './roles.ts';

/**
 * The page with the table of today between its marks.
 * @throws where the page has no such marks
 */
export const withPermissions = (page: string): string =>
  withPart(page, { what: 'the table of permissions', madeBy: 'npm run roles:page' }, tableText());

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

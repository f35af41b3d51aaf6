import type { Place } from '../../orchestrator/aws/permissions/places.ts';
import type { Permission, Role } from '../../orchestrator/aws/permissions/roles.ts';

interface Exception {
  readonly action: string;
  readonly places?: readonly Place[];
  readonly roles?: readonly Role[];
  readonly because: string;
}

const reasonIn = (exceptions: readonly Exception[], role: Role, { action, place }: Permission): string | undefined =>
  exceptions.find((one) => one.action === action && one.places?.includes(place) !== false && one.roles?.includes(role) !== false)?.because;

/** Rows that no command of this lab needs. */
const unreachedRows: readonly Exception[] = [
  { action: 'sts:GetCallerIdentity', because: 'AWS refuses it to nobody, and no policy can' },
  { action: 'iam:CreateServiceLinkedRole', because: 'AWS makes that role by itself; the lab has none' },
];

/** Rows without which a command goes on: it says what it lacks, and does its work. */
const toleratedRows: readonly Exception[] = [];

export const unreached = (role: Role, row: Permission): string | undefined => reasonIn(unreachedRows, role, row);

export const tolerated = (role: Role, row: Permission): string | undefined => reasonIn(toleratedRows, role, row);

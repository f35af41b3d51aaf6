import type { StackKind } from '../orchestrator/pulumi/kind.ts';
import { guardrails } from './guardrails.ts';
import { member } from './member.ts';
import { routeTables } from './route-tables.ts';
import { segment } from './segment.ts';
import { transitGateway } from './transit-gateway.ts';
import { vpc } from './vpc.ts';

/** Every kind of stack. A new kind is a file beside these and a line here. */
export const kinds: readonly StackKind[] = [transitGateway, vpc, member, routeTables, segment, guardrails];

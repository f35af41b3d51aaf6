import { alarm } from './alarms.ts';
import { association, gatewayRoute, propagation } from './gateway-tables.ts';
import { attachment, gateway, gatewayTable } from './gateways.ts';
import type { ResourceType } from './resource-type.ts';
import { route, routeTable, subnetAssociation } from './route-tables.ts';
import { subscription, topic } from './topics.ts';
import { subnet, vpc } from './vpcs.ts';

/** Every type of resource that the stacks use, in the order in which people read them. A new type is a row here. */
export const resourceTypes: readonly ResourceType[] = [
  gateway,
  gatewayTable,
  gatewayRoute,
  vpc,
  subnet,
  attachment,
  routeTable,
  route,
  subnetAssociation,
  association,
  propagation,
  topic,
  subscription,
  alarm,
];

const byToken = new Map(resourceTypes.map((type) => [type.token, type]));

/** Undefined for a type that has no row. */
export const resourceTypeOf = (token: string): ResourceType | undefined => byToken.get(token);

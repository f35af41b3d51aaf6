import { findElement, readXml, type XmlElement } from './xml.ts';

/** JSON as CloudTrail writes it. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** The parameters as a tree: `Tag.1.Key=a` is `{Tag: {1: {Key: 'a'}}}`. */
type ParamTree = { [name: string]: ParamTree | string };

const treeOf = (params: Record<string, string>): ParamTree => {
  const root: ParamTree = {};
  for (const [path, value] of Object.entries(params)) {
    const names = path.split('.').filter((name) => name !== 'member' && name !== 'entry');
    let at = root;
    for (const name of names.slice(0, -1)) {
      const next = at[name];
      at = typeof next === 'object' ? next : (at[name] = {});
    }
    at[names.at(-1) ?? path] = value;
  }
  return root;
};

const listItems = (node: ParamTree | string): (ParamTree | string)[] | undefined =>
  typeof node === 'object' && Object.keys(node).every((name) => /^\d+$/.test(name)) ? Object.values(node) : undefined;

const scalar = (text: string): Json => (text === 'true' ? true : text === 'false' ? false : text);

/** Lists whose name in CloudTrail is not their parameter's name with `Set` behind. */
const setNames: Record<string, string> = { ResourceId: 'resourcesSet', SecurityGroupId: 'groupSet' };

/** EC2's first way of writing parameters: `{"cidrBlock":…,"tagSpecificationSet":{"items":[{"resourceType":…,"tags":[…]}]}}`. */
const ec2Classic = (node: ParamTree | string, insideItem = false): Json => {
  if (typeof node === 'string') return scalar(node);
  return Object.fromEntries(
    Object.entries(node).map(([name, value]): [string, Json] => {
      const items = listItems(value);
      if (items === undefined) return [lowerFirst(name), ec2Classic(value, insideItem)];
      const written = items.map((item): Json => (typeof item === 'string' ? { [lowerFirst(name)]: item } : ec2Classic(item, true)));
      return insideItem ? [`${lowerFirst(name)}s`, written] : [setNames[name] ?? `${lowerFirst(name)}Set`, { items: written }];
    }),
  );
};

/** Its later way, of transit gateways and other new resources: the API's own names, each list item with its number as `tag`. */
const ec2Wrapped = (node: ParamTree | string): Json => {
  if (typeof node === 'string') return scalar(node);
  return Object.fromEntries(
    Object.entries(node).map(([name, value]): [string, Json] => {
      const items = listItems(value)?.map((item, index): Json => {
        const written = ec2Wrapped(item);
        const fields = typeof written === 'object' && written !== null && !Array.isArray(written) ? written : { content: written };
        return { ...fields, tag: index + 1 };
      });
      return [name, items === undefined ? ec2Wrapped(value) : items.length === 1 ? (items[0] ?? null) : items];
    }),
  );
};

/** What other services do: their own names with a small first letter, lists as arrays. */
const plain = (node: ParamTree | string): Json => {
  if (typeof node === 'string') return scalar(node);
  const items = listItems(node);
  if (items !== undefined) return items.map(plain);
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [lowerFirst(name), plain(value)]));
};

const isWrapped = (action: string): boolean =>
  /TransitGateway|VpcEndpoint|NatGateway|ManagedPrefixList|FlowLogs|LaunchTemplate|ClientVpn/.test(action);

/** `requestParameters` of a CloudTrail record. */
export const requestParameters = (service: string, action: string, params: Record<string, string>): Json => {
  const tree = treeOf(params);
  if (service === 's3') return { bucketName: params.Bucket ?? null };
  if (service !== 'ec2') return plain(tree);
  return isWrapped(action) ? { [`${action}Request`]: ec2Wrapped(tree) } : ec2Classic(tree);
};

const reply = (element: XmlElement, wrapped: boolean): Json => {
  if (element.children.length === 0) return /^\d{1,15}$/.test(element.text) ? Number(element.text) : scalar(element.text);
  const items = element.children.filter((child) => child.name === 'item' || child.name === 'member');
  if (items.length === element.children.length) {
    const written = items.map((item) => reply(item, wrapped));
    if (!wrapped) return { items: written };
    return { item: written.length === 1 ? (written[0] ?? null) : written };
  }
  return Object.fromEntries(
    element.children.map((child): [string, Json] => {
      const name = child.name === 'return' ? '_return' : lowerFirst(child.name);
      // Account numbers and ids look like numbers and are none.
      const value = /(Id|Owner|Account)$/.test(child.name) ? child.text : reply(child, wrapped);
      return [name, child.children.length === 0 && child.name.endsWith('Set') ? {} : value];
    }),
  );
};

/** `responseElements` of a CloudTrail record, from the service's own XML; null when there is none. */
export const responseElements = (service: string, action: string, text: string, requestId: string): Json => {
  const root = readXml(text);
  if (root === undefined) return null;
  if (service !== 'ec2') {
    const result = findElement(root, `${action}Result`);
    return result === undefined || result.children.length === 0 ? null : reply(result, false);
  }
  const written = reply(root, isWrapped(action));
  const fields = typeof written === 'object' && written !== null && !Array.isArray(written) ? written : {};
  if (!isWrapped(action)) return { ...fields, requestId };
  return { [`${action}Response`]: { ...fields, requestId, xmlns: 'http://ec2.amazonaws.com/doc/2016-11-15/' } };
};

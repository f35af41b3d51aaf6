/** An element of a service's reply. Attributes are left out: AWS puts nothing but namespaces there. */
export type XmlElement = { name: string; text: string; children: XmlElement[] };

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const unescape = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (whole, decimal?: string, hex?: string, name?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return entities[name ?? ''] ?? whole;
  });

export const escapeXml = (text: string): string =>
  text.replace(/[<>&"]/g, (c) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[c] ?? '&quot;');

/** Reads the plain XML that AWS services answer with: no mixed content, no CDATA. What is not XML gives undefined. */
export const readXml = (text: string): XmlElement | undefined => {
  const root: XmlElement = { name: '', text: '', children: [] };
  const open = [root];
  for (const [, mark, name, selfClosing, chars] of text.matchAll(/<([?!/]?)([^\s<>/?]+)[^>]*?(\/?)>|([^<]+)/g)) {
    const parent = open.at(-1);
    if (parent === undefined) return undefined;
    if (chars !== undefined) parent.text += unescape(chars);
    else if (mark === '/') open.pop();
    else if (mark === '' && name !== undefined) {
      const element = { name, text: '', children: [] };
      parent.children.push(element);
      if (selfClosing !== '/') open.push(element);
    }
  }
  return open.length === 1 ? root.children[0] : undefined;
};

/** The first element of that name, at any depth. */
export const findElement = (element: XmlElement | undefined, name: string): XmlElement | undefined => {
  if (element === undefined || element.name === name) return element;
  for (const child of element.children) {
    const found = findElement(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** The text of the first element of that name, found without reading the document: most replies are looked at for one word. */
export const elementText = (document: string, name: string): string | undefined => {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(document)?.[1];
  return text === undefined ? undefined : unescape(text);
};

import { Lexer, Parser, isNode, isScalar, visit } from 'yaml';
import type { Document, YAMLError } from 'yaml';
import type { Problem } from '../domain/problem.ts';
import { partRule } from '../domain/stack-name.ts';

/** Something in the YAML itself, before it means anything. */
export type YamlFault = Problem & { readonly offset: number };

/** What is wrong with the YAML itself, whatever it says. The document was parsed without unique keys: they are looked at here, in one pass. */
export function yamlFaults(document: Document): YamlFault[] {
  // A warning is a tag that the library does not know, and would pass over.
  const unparsed = [...document.errors, ...document.warnings];
  if (unparsed.length === 0) return faultsOfNodes(document);
  return unparsed.map((error) => ({ reason: 'not-yaml', message: inWords(error), next: 'Mend the YAML here.', offset: error.pos[0] }));
}

/** Where a text goes beyond what a network file may need. */
export interface Excess {
  readonly of: 'aliases' | 'depth';
  readonly offset: number;
}

/**
 * The first place over a limit; found without building anything. Resolving aliases is what takes the time, and what builds nested nodes calls itself for
 * each level: with the call stack nearly used up, a regular expression that is compiled there ends the whole process.
 */
export function excessOf(most: { readonly aliases: number; readonly depth: number }, text: string): Excess | undefined {
  // Keeps a stack of its own.
  const parser = new Parser();
  let offset = 0;
  let aliases = 0;
  let inScalar = false;
  for (const token of new Lexer().lex(text)) {
    for (const _ of parser.next(token));
    if (parser.stack.length > most.depth) return { of: 'depth', offset };
    // The lexer's own marks, which are not in the text; after the last of them comes a scalar's text, which may start with anything.
    if (token === '\u0002' || token === '\u0018' || token === '\u001f') {
      inScalar = token === '\u001f';
      continue;
    }
    if (!inScalar && token.startsWith('*') && ++aliases > most.aliases) return { of: 'aliases', offset };
    inScalar = false;
    offset += token.length;
  }
  return undefined;
}

function inWords({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'a second YAML document starts here; a network file is one';
  return `not YAML: ${message}`;
}

/** What YAML allows and a network file does not: a name twice in one map, a name that JavaScript would swallow, an alias of nothing. */
function faultsOfNodes(document: Document): YamlFault[] {
  const faults: YamlFault[] = [];
  visit(document, {
    Alias(_, node) {
      if (!node.resolve(document))
        faults.push({
          reason: 'not-yaml',
          message: `not YAML: nothing above is called &${node.source}`,
          next: 'Write the value out: a network file needs no aliases.',
          offset: node.range?.[0] ?? 0,
        });
    },
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        // By its tag a scalar may be bytes or a date, too.
        if (!isScalar(key) || (typeof key.value === 'object' && key.value !== null)) {
          const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0;
          faults.push({ reason: 'invalid-value', message: 'a key here is not text', next: `A name has ${partRule}.`, offset });
          continue;
        }
        const name = String(key.value);
        const offset = key.range?.[0] ?? 0;
        if (seen.has(name))
          faults.push({
            reason: 'duplicate-name',
            message: `"${name}" stands here a second time`,
            next: 'Remove or rename one of the two.',
            offset,
          });
        else if (name === '__proto__')
          faults.push({ reason: 'invalid-value', message: `"${name}" cannot be a name`, next: `A name has ${partRule}.`, offset });
        seen.add(name);
      }
    },
  });
  return faults;
}

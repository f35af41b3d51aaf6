import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export interface SdkCall {
  readonly file: string;
  /** As policies name it: `s3`. */
  readonly service: string;
  /** As in `GetObject`. */
  readonly call: string;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Every call of AWS that the orchestrator's own code can make: a command or a paginator of the SDK that a file imports to use. */
export function sdkCalls(): readonly SdkCall[] {
  const files = readdirSync(`${root}orchestrator`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `orchestrator/${name}`);
  return files.flatMap((file) => callsOf(file, readFileSync(`${root}${file}`, 'utf8')));
}

/** @throws where the SDK is imported in a way that does not say what is called */
export function callsOf(file: string, text: string): readonly SdkCall[] {
  const calls: SdkCall[] = [];
  const add = (module: string, name: string): void => {
    const service = /^@aws-sdk\/client-([a-z0-9-]+)$/.exec(module)?.[1]?.replaceAll('-', '');
    const call = /^(\w+)Command$/.exec(name)?.[1] ?? /^paginate(\w+)$/.exec(name)?.[1];
    if (service !== undefined && call !== undefined) calls.push({ file, service, call });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier) && node.importClause?.phaseModifier === undefined) {
      const bindings = node.importClause?.namedBindings;
      if (bindings && ts.isNamespaceImport(bindings) && node.moduleSpecifier.text.startsWith('@aws-sdk/client-'))
        throw new Error(`${file} imports all of ${node.moduleSpecifier.text}: what it calls of it cannot be told`);
      if (bindings && ts.isNamedImports(bindings))
        for (const { name, propertyName, isTypeOnly } of bindings.elements)
          if (!isTypeOnly) add(node.moduleSpecifier.text, (propertyName ?? name).text);
    }
    const module = importedIn(node);
    if (module?.startsWith('@aws-sdk/client-') === true) {
      const names = namesTakenOf(node);
      if (names === undefined) throw new Error(`${file} imports ${module}: what it calls of it cannot be told`);
      for (const name of names) add(module, name);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return calls;
}

/** `const { A, B } = await import(…)`, `(await import(…)).A`, `const [x, { A }] = await Promise.all([y, import(…)])`; undefined where it is used in another way. */
function namesTakenOf(node: ts.Node): readonly string[] | undefined {
  const list = ts.isArrayLiteralExpression(node.parent) ? node.parent : undefined;
  const awaited = list ? list.parent.parent : node.parent;
  const { parent } = awaited;
  if (!ts.isAwaitExpression(awaited)) return undefined;
  if (ts.isParenthesizedExpression(parent) && ts.isPropertyAccessExpression(parent.parent)) return [parent.parent.name.text];
  if (!ts.isVariableDeclaration(parent)) return undefined;
  const element =
    list && ts.isArrayBindingPattern(parent.name) ? parent.name.elements[list.elements.findIndex((one) => one === node)] : undefined;
  const taken = list ? (element && ts.isBindingElement(element) ? element.name : undefined) : parent.name;
  if (taken === undefined || !ts.isObjectBindingPattern(taken)) return undefined;
  return taken.elements.map(({ name, propertyName }) => (propertyName ?? name).getText());
}

/** The module of an `import(…)`. */
function importedIn(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return undefined;
  const [module] = node.arguments;
  return module && ts.isStringLiteral(module) ? module.text : undefined;
}

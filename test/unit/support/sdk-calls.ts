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
    const service = /^@aws-sdk\/client-([a-z0-9-]+)$/.exec(module)?.[1];
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
      const { parent } = node.parent;
      // `const { A, B } = await import(…)`, `(await import(…)).A`
      if (ts.isVariableDeclaration(parent) && ts.isObjectBindingPattern(parent.name))
        for (const { name, propertyName } of parent.name.elements) add(module, (propertyName ?? name).getText());
      else if (ts.isParenthesizedExpression(parent) && ts.isPropertyAccessExpression(parent.parent)) add(module, parent.parent.name.text);
      else throw new Error(`${file} imports ${module}: what it calls of it cannot be told`);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return calls;
}

/** The module of an `import(…)`. */
function importedIn(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return undefined;
  const [module] = node.arguments;
  return module && ts.isStringLiteral(module) ? module.text : undefined;
}

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** What `@pulumi/aws` says of a resource type, read from its type declarations: what a program may give and what it gets back. */
export interface DeclaredResource {
  readonly inputs: Readonly<Record<string, DeclaredProperty>>;
  readonly outputs: Readonly<Record<string, DeclaredProperty>>;
}

export interface DeclaredProperty {
  readonly type: RoughType;
  readonly required: boolean;
}

export type RoughType = 'string' | 'number' | 'boolean' | 'array' | 'object';

const require = createRequire(import.meta.url);

/** Tokens of the types whose classes `stacks/aws.ts` loads: it imports each from its own file. */
export function tokensLoadedByStacks(): string[] {
  const file = fileURLToPath(new URL('../../stacks/aws.ts', import.meta.url));
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const tokens: string[] = [];
  const visit = (node: ts.Node): void => {
    const path = ts.isStringLiteral(node) ? /^@pulumi\/aws\/(.+)\.js$/.exec(node.text)?.[1] : undefined;
    if (path !== undefined) tokens.push(`aws:${path}:${upperFirst(path.split('/').at(-1) ?? '')}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return tokens;
}

/** @param token as in `aws:ec2/vpc:Vpc`, which `@pulumi/aws` declares in `ec2/vpc.d.ts` */
export function declaredResource(token: string): DeclaredResource {
  const [, path = '', name = ''] = token.split(':');
  const file = require.resolve(`@pulumi/aws/${path}.js`).replace(/\.js$/, '.d.ts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const args = source.statements.filter(ts.isInterfaceDeclaration).find((statement) => statement.name.text === `${name}Args`);
  const resource = source.statements.filter(ts.isClassDeclaration).find((statement) => statement.name?.text === name);
  if (!args || !resource) throw new Error(`${file} does not declare ${name} and ${name}Args`);
  return {
    inputs: properties(args.members.filter(ts.isPropertySignature)),
    outputs: properties(
      resource.members
        .filter(ts.isPropertyDeclaration)
        .filter((member) => ts.getModifiers(member)?.every(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword)),
    ),
  };
}

function properties(members: readonly (ts.PropertySignature | ts.PropertyDeclaration)[]): Record<string, DeclaredProperty> {
  return Object.fromEntries(
    members.flatMap((member) => {
      if (!member.type) return [];
      const { type, optional } = unwrap(member.type);
      return [[member.name.getText(), { type, required: !optional && !member.questionToken }]];
    }),
  );
}

/** Takes `pulumi.Input<…>`, `pulumi.Output<…>` and `| undefined` off a type. */
function unwrap(node: ts.TypeNode): { type: RoughType; optional: boolean } {
  if (ts.isParenthesizedTypeNode(node)) return unwrap(node.type);
  if (ts.isTypeReferenceNode(node) && /^pulumi\.(Input|Output)$/.test(node.typeName.getText()) && node.typeArguments?.[0])
    return unwrap(node.typeArguments[0]);
  if (ts.isUnionTypeNode(node)) {
    const said = node.types.filter((member) => member.kind !== ts.SyntaxKind.UndefinedKeyword).map((member) => unwrap(member).type);
    // A name that AWS gives and its list of known values (`string | Region`) are both strings.
    const type = new Set(said).size === 1 || said.includes('string') ? (said.includes('string') ? 'string' : said[0]) : undefined;
    if (type === undefined) throw new Error(`no rough type for ${node.getText()}`);
    return { type, optional: said.length < node.types.length };
  }
  return { type: roughType(node), optional: false };
}

const roughTypes: Partial<Record<ts.SyntaxKind, RoughType>> = {
  [ts.SyntaxKind.StringKeyword]: 'string',
  [ts.SyntaxKind.NumberKeyword]: 'number',
  [ts.SyntaxKind.BooleanKeyword]: 'boolean',
  [ts.SyntaxKind.ArrayType]: 'array',
  [ts.SyntaxKind.TypeLiteral]: 'object',
};

function roughType(node: ts.TypeNode): RoughType {
  // `inputs.ec2.RouteTableRoute` and `outputs.…` are objects; all else that is named is a list of known strings, or an ARN.
  const named = ts.isTypeReferenceNode(node) ? (/^(inputs|outputs)\./.test(node.typeName.getText()) ? 'object' : 'string') : undefined;
  const type = named ?? roughTypes[node.kind];
  if (type === undefined) throw new Error(`no rough type for ${node.getText()}`);
  return type;
}

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

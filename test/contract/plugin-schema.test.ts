import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { declaredResource, tokensLoadedByStacks } from './plugin-declarations.ts';
import type { DeclaredProperty, RoughType } from './plugin-declarations.ts';
import { providePlugin } from './plugin-lab.ts';

/**
 * The plugin that the lab builds stands in for the official one: what `@pulumi/aws` lets a program write must be what the built plugin
 * takes and gives back. The provider that it is built from may be older than the package: what it lacks for that reason is pinned here.
 */
const notInTheOlderProvider: Readonly<Record<string, { readonly why: string; readonly properties: readonly string[] }>> = {
  'aws:cloudwatch/metricAlarm:MetricAlarm': {
    why: 'the provider of 2026-06-02 (lab/plugin/go.mod) has no warm_up_configuration; no stack sets it',
    properties: ['warmUpConfiguration'],
  },
};

const typeSchema = z.looseObject({
  type: z.enum(['string', 'integer', 'number', 'boolean', 'array', 'object']).optional(),
  $ref: z.string().optional(),
});
const resourceSchema = z.looseObject({
  inputProperties: z.record(z.string(), typeSchema).default({}),
  requiredInputs: z.array(z.string()).default([]),
  properties: z.record(z.string(), typeSchema).default({}),
  required: z.array(z.string()).default([]),
});
const packageSchema = z.looseObject({ provider: resourceSchema, resources: z.record(z.string(), resourceSchema) });
const nothing = resourceSchema.parse({});

const { schemaPath, origin } = await providePlugin();
const title =
  schemaPath === undefined
    ? `the built plugin (skipped: the plugin here is the ${origin} one, with a schema of its own)`
    : 'the built plugin';

describe.skipIf(schemaPath === undefined)(title, () => {
  const schema = readSchema(schemaPath);
  const offered = Object.keys(schema.resources).sort();

  it('offers every type that the stacks load', () => {
    expect(offered).toEqual(expect.arrayContaining(tokensLoadedByStacks()));
  });

  describe.each(offered)('%s', (token) => {
    const declared = declaredResource(token);
    const inPlugin = schema.resources[token] ?? nothing;
    const lacking = new Set(notInTheOlderProvider[token]?.properties);

    it('takes the inputs that @pulumi/aws declares', () => {
      expect(typesOf(inPlugin.inputProperties)).toEqual(withoutNames(typesDeclared(declared.inputs), lacking));
    });

    it('requires the inputs that @pulumi/aws requires', () => {
      expect(inPlugin.requiredInputs.toSorted()).toEqual(requiredNames(declared.inputs));
    });

    it('gives the outputs that @pulumi/aws declares', () => {
      expect(typesOf(inPlugin.properties)).toEqual(withoutNames(typesDeclared(declared.outputs), lacking));
    });

    it('always gives the outputs that @pulumi/aws declares without undefined', () => {
      expect(inPlugin.required.toSorted()).toEqual(requiredNames(declared.outputs));
    });
  });

  it('takes the settings of the provider that @pulumi/aws declares', () => {
    expect(typesOf(schema.provider.inputProperties)).toEqual(typesDeclared(declaredResource('aws:provider:Provider').inputs));
  });

  it.each(Object.entries(notInTheOlderProvider))('still lacks what is pinned for %s', (token, { properties }) => {
    const { inputs, outputs } = declaredResource(token);
    const has = schema.resources[token] ?? nothing;
    const missing = Object.keys({ ...inputs, ...outputs }).filter((name) => !(name in has.inputProperties) && !(name in has.properties));
    expect(missing).toEqual(properties);
  });
});

function readSchema(path: string | undefined): z.infer<typeof packageSchema> {
  return packageSchema.parse(path === undefined ? { provider: {}, resources: {} } : JSON.parse(readFileSync(path, 'utf8')));
}

type Types = Record<string, RoughType>;

function typesOf(properties: Readonly<Record<string, z.infer<typeof typeSchema>>>): Types {
  const rough = ({ type = 'object' }: z.infer<typeof typeSchema>): RoughType => (type === 'integer' ? 'number' : type);
  return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, rough(property)]));
}

const typesDeclared = (properties: Readonly<Record<string, DeclaredProperty>>): Types =>
  Object.fromEntries(Object.entries(properties).map(([name, { type }]) => [name, type]));

const withoutNames = (types: Types, names: ReadonlySet<string>): Types =>
  Object.fromEntries(Object.entries(types).filter(([name]) => !names.has(name)));

const requiredNames = (properties: Readonly<Record<string, DeclaredProperty>>): string[] =>
  Object.entries(properties)
    .filter(([, { required }]) => required)
    .map(([name]) => name)
    .sort();

import type { JsonSchema } from './json-schema.ts';

/** One key of the configuration, described. */
export interface DescribedKey {
  /** `listeners[].port`, `connections.NAME.grant`. */
  readonly path: string;
  readonly type: string;
  /** Absent if there is none. */
  readonly default?: unknown;
  readonly required: boolean;
  /** The grants that require this key; absent if it does not depend on the grant. */
  readonly requiredBy?: readonly string[];
  readonly description: string;
  /** The grants that accept this key; absent if it does not depend on the grant. */
  readonly variants?: readonly string[];
}

/** An object of the configuration with its keys. */
export interface DescribedBlock {
  /** Empty for the file itself. */
  readonly path: string;
  readonly description: string;
  /** For an object with several variants: the name and description of each. */
  readonly kinds: readonly { readonly name: string; readonly description: string }[];
  readonly keys: readonly DescribedKey[];
}

/** Every object of the configuration, outer before inner, in the order of the schema. */
export function describeConfig(schema: JsonSchema): DescribedBlock[] {
  return blocksOf('', schema, schema.description ?? '');
}

interface Member {
  readonly schema: JsonSchema;
  readonly requiredBy: string[];
  readonly variants: string[];
}

function blocksOf(path: string, schema: JsonSchema, description: string): DescribedBlock[] {
  const variants = schema.oneOf ?? [schema];
  const members = mergedMembers(variants);
  const keys = [...members].map(([name, member]): DescribedKey => {
    const partly = member.variants.length < variants.length;
    return {
      path: path === '' ? name : `${path}.${name}`,
      type:
        name === discriminator(schema)
          ? quoted(variants.map((variant) => variantName(variant)))
          : typeText(member.schema),
      ...(member.schema.default === undefined || isBlock(member.schema) ? {} : { default: member.schema.default }),
      required: member.requiredBy.length === member.variants.length,
      description: member.schema.description ?? '',
      ...(schema.oneOf && member.requiredBy.length > 0 ? { requiredBy: member.requiredBy } : {}),
      ...(partly ? { variants: member.variants } : {}),
    };
  });
  const inner = [...members].flatMap(([name, member]) => {
    const found = innerBlock(member.schema);
    if (!found) return [];
    return blocksOf(
      `${path === '' ? name : `${path}.${name}`}${found.suffix}`,
      found.schema,
      member.schema.description ?? '',
    );
  });
  const kinds = schema.oneOf
    ? variants.map((variant) => ({ name: variantName(variant), description: variant.description ?? '' }))
    : [];
  return [{ path, description, kinds, keys }, ...inner];
}

/** The keys of all variants, in the order they first appear. */
function mergedMembers(variants: readonly JsonSchema[]): Map<string, Member> {
  const members = new Map<string, Member>();
  for (const variant of variants) {
    for (const [name, schema] of Object.entries(variant.properties ?? {})) {
      const member = members.get(name) ?? { schema, requiredBy: [], variants: [] };
      member.variants.push(variantName(variant));
      if (variant.required?.includes(name)) member.requiredBy.push(variantName(variant));
      members.set(name, member);
    }
  }
  return members;
}

function discriminator(schema: JsonSchema): string | undefined {
  return Object.entries(schema.oneOf?.[0]?.properties ?? {}).find(([, value]) => value.const !== undefined)?.[0];
}

function variantName(variant: JsonSchema): string {
  return String(Object.values(variant.properties ?? {}).find((value) => value.const !== undefined)?.const ?? '');
}

/** The object in a key, possibly in a list, under names, or as one of several forms. Secrets count as plain. */
function innerBlock(schema: JsonSchema): { suffix: string; schema: JsonSchema } | undefined {
  if (schema.title !== undefined) return undefined;
  const item = schema.items && (isBlock(schema.items) ? schema.items : schema.items.anyOf?.find(isBlock));
  if (item && schema.items?.title === undefined) return { suffix: '[]', schema: item };
  if (typeof schema.additionalProperties === 'object') return { suffix: '.NAME', schema: schema.additionalProperties };
  if (isBlock(schema)) return { suffix: '', schema };
  const object = schema.anyOf?.find(isBlock);
  return object && { suffix: '', schema: object };
}

function isBlock(schema: JsonSchema): boolean {
  return schema.properties !== undefined || schema.oneOf !== undefined;
}

function quoted(values: readonly unknown[]): string {
  return values.map((value) => `\`${String(value)}\``).join(', ');
}

function typeText(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return quoted([schema.const]);
  if (schema.enum) return quoted(schema.enum);
  if (schema.items) return isBlock(schema.items) ? 'list of objects' : `list: ${typeText(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return 'objects by name';
  if (isBlock(schema)) return 'object';
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeText))].join(', ');
  if (schema.type === 'integer' || schema.type === 'number') {
    return `${schema.type === 'integer' ? 'whole number' : 'number'}${rangeText(schema)}`;
  }
  return schema.type === 'boolean' ? '`true`, `false`' : (schema.type ?? 'anything');
}

function rangeText(schema: JsonSchema): string {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  if (low === undefined || schema.maximum === undefined) return '';
  return schema.minimum === undefined ? ` above ${low}, to ${schema.maximum}` : ` ${low} to ${schema.maximum}`;
}

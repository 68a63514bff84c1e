import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The part of JSON Schema used here. */
export interface JsonSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** The schema of the configuration file as JSON Schema (draft 2020-12), for editors and other programs. */
export function configJsonSchema(): JsonSchema {
  // Only the form matters: nothing is parsed, so nothing is resolved.
  const schema = configSchema({ path: (path) => path, secret: () => ({ problem: 'not loaded' }) });
  const json = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  return { ...json, title: 'mailbridge configuration' } as JsonSchema;
}

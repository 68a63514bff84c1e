import { expect } from 'vitest';
import { z } from 'zod';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>>;
}

/** The answer to `GET /api/v1/openapi.json`, as far as answers are checked against it. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** Checks an answer against its description: path, status, type and body. @returns the body */
export async function described(api: OpenApi, method: string, path: string, answer: Response): Promise<unknown> {
  const plain = path.split('?')[0] ?? '';
  const templates = Object.keys(api.paths).filter(
    (each) => formOf(each).test(plain) && api.paths[each]?.[method.toLowerCase()],
  );
  const [found = ''] = templates.toSorted((a, b) => a.split('{').length - b.split('{').length);
  const operation = api.paths[found]?.[method.toLowerCase()];
  const response = operation?.responses[String(answer.status)];
  expect([method, path, answer.status, response !== undefined]).toEqual([method, path, answer.status, true]);
  const type = answer.headers.get('content-type')?.split(';')[0];
  const content = response?.content ?? {};
  if (type === undefined) return undefined;
  expect([method, path, Object.keys(content)]).toEqual([method, path, [type]]);
  if (type !== 'application/json') return await answer.text();
  const body: unknown = await answer.json();
  const schema = resolved(api, content[type]?.schema);
  if (schema)
    expect(z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(body).error).toBe(undefined);
  return body;
}

function resolved({ components }: OpenApi, schema: object | undefined): object | undefined {
  const name = (schema as { $ref?: string } | undefined)?.$ref?.split('/').at(-1);
  return name === undefined ? schema : components.schemas[name];
}

function formOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

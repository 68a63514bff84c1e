import { expect, test } from 'vitest';
import { z } from 'zod';
import { adminWorld, bearer } from '../admin-world.ts';
import type { OpenApi } from '../described.ts';

interface Described extends OpenApi {
  readonly openapi: string;
}

async function document(): Promise<Described> {
  return (await (await bearer(await adminWorld())('GET', '/openapi.json')).json()) as Described;
}

/** Every schema in a document. */
function schemasIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'schema' in value && typeof value.schema === 'object' && value.schema ? [value.schema] : [];
  return [...own, ...Object.values(value).flatMap(schemasIn)];
}

test('the document names every path, with what it takes and what it answers', async () => {
  const { openapi, paths } = await document();
  expect(openapi).toBe('3.1.0');
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
  );
  expect(operations.toSorted()).toEqual([
    'DELETE /accounts/{name}/app-passwords/{id}',
    'DELETE /session',
    'GET /accounts',
    'GET /accounts/{name}',
    'GET /audit',
    'GET /checks/{id}',
    'GET /connections',
    'GET /connections/{name}/consent',
    'GET /connections/{name}/exchange-script',
    'GET /events',
    'GET /history',
    'GET /log',
    'GET /messages',
    'GET /messages/{id}',
    'GET /messages/{id}/content',
    'GET /openapi.json',
    'GET /overview',
    'GET /session',
    'GET /sign-ins/{id}',
    'POST /accounts/{name}/app-passwords',
    'POST /accounts/{name}/test-message',
    'POST /connections/{name}/check',
    'POST /connections/{name}/sign-in',
    'POST /messages/actions',
    'POST /session',
  ]);
});

test('every schema in it can be read, and every reference leads somewhere', async () => {
  const api = await document();
  const schemas = schemasIn(api.paths);
  expect(schemas.length).toBeGreaterThan(30);
  for (const schema of schemas) {
    const reference = (schema as { $ref?: string }).$ref;
    if (reference !== undefined) expect(api.components.schemas).toHaveProperty(reference.split('/').at(-1) ?? '');
    else expect(() => z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])).not.toThrow();
  }
});

test('every operation has an id of its own, a summary, and an answer that is no error', async () => {
  const { paths } = await document();
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods)) as unknown as readonly {
    readonly operationId: string;
    readonly summary: string;
    readonly responses: object;
  }[];
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const { summary, responses } of operations) {
    expect(summary).toMatch(/^[A-Z].*\.$/);
    expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true);
  }
});

test('whoever looks with a token of the role view reads everything but mail, and changes nothing', async () => {
  const world = await adminWorld();
  const { paths } = await document();
  const ask = bearer(world, 'the-view-token-of-this-test-x');
  const refused: string[] = [];
  for (const [template, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      const path = template.replace('/api/v1', '').replaceAll('{name}', 'contoso').replaceAll('{id}', 'x1');
      if (path === '/events' || path === '/session') continue;
      const { status } = await ask(method.toUpperCase(), path, method === 'post' ? {} : undefined);
      if (status === 403) refused.push(`${method.toUpperCase()} ${path}`);
    }
  }
  expect(refused.toSorted()).toEqual([
    'DELETE /accounts/contoso/app-passwords/x1',
    'GET /audit',
    'GET /connections/contoso/consent',
    'GET /connections/contoso/exchange-script',
    'GET /messages/x1/content',
    'POST /accounts/contoso/app-passwords',
    'POST /accounts/contoso/test-message',
    'POST /connections/contoso/check',
    'POST /connections/contoso/sign-in',
    'POST /messages/actions',
  ]);
});

test('whoever is not signed in gets nothing but the way to sign in', async () => {
  const world = await adminWorld();
  const { paths } = await document();
  const open: string[] = [];
  for (const [template, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      const path = template.replaceAll('{name}', 'contoso').replaceAll('{id}', 'x1');
      const body = method === 'post' ? { headers: { 'Content-Type': 'application/json' }, body: '{}' } : {};
      const { status } = await world.call(path, { method: method.toUpperCase(), ...body });
      if (status !== 401) open.push(`${method.toUpperCase()} ${path} ${status}`);
    }
  }
  expect(open).toEqual(['POST /api/v1/session 400']);
});

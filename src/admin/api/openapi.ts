import { z } from 'zod';
import { apiPrefix } from './register.ts';
import type { ApiRoute, DescribedAnswer } from './route.ts';
import { errorSchema } from './schemas.ts';

/** Refusals that every route may answer with. */
const refusals: Readonly<Record<string, string>> = {
  400: 'The request is wrong.',
  401: 'Nobody is signed in.',
  403: 'The role does not suffice, or a page elsewhere has sent the request.',
  404: 'There is no such thing.',
  409: 'It is not in a state for that.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  421: 'The server has another name.',
  429: 'Too many wrong tokens have come from this address.',
  500: 'The bridge failed; its log says why.',
  503: 'Not now; try again.',
};

/** The description of the API (OpenAPI 3.1), generated from the schemas that its routes are checked against. */
export function openApiDocument(routes: readonly ApiRoute[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = `${apiPrefix}${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'mailbridge admin API',
      version,
      description:
        'Sign in with POST /api/v1/session, and send X-CSRF-Token with each change; or send the admin token with each request as Authorization: Bearer.',
    },
    servers: [{ url: '/' }],
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'mailbridge_session_PORT',
          description: 'PORT is the port of the admin server. Over HTTPS, the name begins with `__Host-`.',
        },
      },
      schemas: { Error: schemaOf(errorSchema, 'output') },
    },
    paths,
  };
}

function operation(route: ApiRoute): object {
  const { summary, access, body, answers } = route;
  const error = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };
  return {
    operationId: operationId(route),
    summary,
    ...(access === 'open' ? { security: [] } : { security: [{ token: [] }, { session: [] }], 'x-role': access }),
    parameters: [...parameters(route.params, 'path'), ...parameters(route.query, 'query')],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(refusals).map(([status, description]) => [status, { description, content: error }]),
      ),
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, responseOf(answer)])),
    },
  };
}

function responseOf({ description, schema, type }: DescribedAnswer): object {
  if (schema === undefined && type === undefined) return { description };
  const content = { [type ?? 'application/json']: schema === undefined ? {} : { schema: schemaOf(schema, 'output') } };
  return { description, content };
}

function operationId({ method, path }: ApiRoute): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return [method.toLowerCase(), ...words].join('-');
}

function parameters(schema: z.ZodType | undefined, place: 'path' | 'query'): object[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    readonly properties?: Readonly<Record<string, object & { readonly description?: string }>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

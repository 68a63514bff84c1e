import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { KnownCaller } from '../access/access.ts';
import type { Role } from '../access/role.ts';

/** What an API route answers: a value as JSON, or nothing, or what it has written itself. */
export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  /** Instead of JSON. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a route is called with: all that came is checked already. */
export interface ApiCall<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Undefined where nobody has to be signed in. */
  readonly caller: KnownCaller | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Adds to what the audit log says of this call. Nothing secret. */
  note(details: Readonly<Record<string, unknown>>): void;
}

/** A kind of answer, for the description. */
export interface DescribedAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Default: JSON where there is a schema. */
  readonly type?: string;
}

/** A route of the API, from which the server and the OpenAPI document are made. */
export interface ApiRoute<P = unknown, Q = unknown, B = unknown> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api/v1`; parameters as `{name}`. */
  readonly path: string;
  readonly summary: string;
  /** `open`: nobody has to be signed in. */
  readonly access: Role | 'open';
  /** Its name in the audit log; undefined: looking at it is not recorded. */
  readonly audit?: string;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly answers: Readonly<Record<number, DescribedAnswer>>;
  run(call: ApiCall<P, Q, B>): Promise<ApiAnswer> | ApiAnswer;
}

/** Lets the types of a route follow from its schemas. */
export function apiRoute<P, Q, B>(route: ApiRoute<P, Q, B>): ApiRoute {
  return route as unknown as ApiRoute;
}

/** The usual answer. */
export function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}

export const noContent: ApiAnswer = { status: 204 };

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { KnownCaller } from '../access/access.ts';
import type { Role } from '../access/role.ts';

/** The answer of an API route: a value as JSON, nothing, or a body written by the route itself. */
export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  /** Instead of JSON. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The arguments of a route: all input is already validated. */
export interface ApiCall<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Undefined if no sign-in is needed. */
  readonly caller: KnownCaller | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Adds to the audit entry of this call. Nothing secret. */
  note(details: Readonly<Record<string, unknown>>): void;
}

/** A kind of answer, for the API description. */
export interface DescribedAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Default: JSON if there is a schema. */
  readonly type?: string;
}

/** A route of the API; the server and the OpenAPI document are generated from these. */
export interface ApiRoute<P = unknown, Q = unknown, B = unknown> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api/v1`; parameters as `{name}`. */
  readonly path: string;
  readonly summary: string;
  /** `open`: no sign-in needed. */
  readonly access: Role | 'open';
  /** Its name in the audit log; undefined: calls are not recorded. */
  readonly audit?: string;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly answers: Readonly<Record<number, DescribedAnswer>>;
  run(call: ApiCall<P, Q, B>): Promise<ApiAnswer> | ApiAnswer;
}

/** Infers the types of a route from its schemas. */
export function apiRoute<P, Q, B>(route: ApiRoute<P, Q, B>): ApiRoute {
  return route as unknown as ApiRoute;
}

/** The usual answer. */
export function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}

export const noContent: ApiAnswer = { status: 204 };

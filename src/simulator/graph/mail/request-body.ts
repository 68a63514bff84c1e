import type { z } from 'zod';
import { BodyTooLarge, type IncomingHttpRequest } from '../../http/http-server.ts';
import { GraphFault } from '../graph-error.ts';

/** The media type of a request's body, in lower case and without parameters. */
export function contentTypeOf(request: IncomingHttpRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** @throws GraphFault 413 beyond the limit */
export async function readBytes(request: IncomingHttpRequest, maxBytes: number): Promise<Buffer> {
  try {
    return await request.readBody(maxBytes);
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    throw new GraphFault(413, 'RequestEntityTooLarge', 'The request size exceeds the maximum limit.');
  }
}

/** @throws GraphFault 415 for a type other than JSON, 413, 400 for invalid JSON */
export async function readJson(request: IncomingHttpRequest, maxBytes: number): Promise<unknown> {
  if (contentTypeOf(request) !== 'application/json') throw unsupportedType(request);
  const body = await readBytes(request, maxBytes);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    const text =
      'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.';
    throw new GraphFault(400, 'BadRequest', text);
  }
}

export function unsupportedType(request: IncomingHttpRequest): GraphFault {
  return new GraphFault(415, 'UnsupportedMediaType', `The content type '${contentTypeOf(request)}' is not supported.`);
}

/** @throws GraphFault 400 that names the place */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new GraphFault(
    400,
    'RequestBodyRead',
    `${issue?.path.join('.') || 'The request body'}: ${issue?.message ?? 'invalid'}`,
  );
}

/** MIME as Graph accepts it: in base64, sent as text/plain. @throws GraphFault */
export function decodeMime(body: Buffer): Buffer {
  const text = body.toString('latin1').replace(/\s+/g, '');
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    throw new GraphFault(400, 'ErrorMimeContentInvalidBase64String', 'Invalid base64 string for MIME content.');
  }
  return Buffer.from(text, 'base64');
}

/** An action's parameters in their usual spelling. */
export function withParameterNames(value: unknown, usual: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      usual.find((name) => name.toLowerCase() === key.toLowerCase()) ?? key,
      part,
    ]),
  );
}

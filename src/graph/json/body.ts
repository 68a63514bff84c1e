import type { GraphRequestBody } from '../client/client.ts';

/** A value as the JSON body of a request. */
export function jsonBody(value: unknown): GraphRequestBody {
  const octets = Buffer.from(JSON.stringify(value));
  return { contentType: 'application/json', octets: octets.length, open: () => octets };
}

/** Octets as the body of a request. They must not change until it is answered. */
export function octetsBody(octets: Buffer): GraphRequestBody {
  return { contentType: 'application/octet-stream', octets: octets.length, open: () => octets };
}

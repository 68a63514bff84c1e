import { z } from 'zod';
import { GraphFault } from '../graph-error.ts';
import { parseWith } from '../mail/request-body.ts';

/** Most requests in one batch. */
const mostRequests = 20;

const batchRequest = z.object({
  id: z.string().min(1),
  method: z.string().transform((method) => method.toUpperCase()),
  url: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.unknown().optional(),
  dependsOn: z.array(z.string()).default([]),
});

/** A request within a batch. */
export type BatchRequest = z.infer<typeof batchRequest>;

/** Reads the body of a batch. Learn, "Combine multiple HTTP requests using JSON batching". @throws GraphFault 400 */
export function readBatch(body: unknown): readonly BatchRequest[] {
  const { requests } = parseWith(z.object({ requests: z.array(batchRequest).min(1) }), body);
  if (requests.length > mostRequests) {
    throw new GraphFault(
      400,
      'BadRequest',
      `Number of batch request steps exceeds the maximum value of ${mostRequests}.`,
    );
  }
  const ids = requests.map(({ id }) => id.toLowerCase());
  if (new Set(ids).size < ids.length) throw badRequest('Request ids must be unique.');
  for (const { id, url, dependsOn, headers, body: own } of requests) {
    if (/^[a-z][a-z\d+.-]*:|^\/\//i.test(url)) throw badRequest(`The url of request ${id} must be relative.`);
    if (own !== undefined && !Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) {
      throw badRequest(`Request ${id} has a body and no Content-Type header.`);
    }
    for (const other of dependsOn) {
      if (!ids.includes(other.toLowerCase())) throw badRequest(`Request ${id} depends on an unknown request.`);
    }
  }
  assertNoCircle(requests);
  return requests;
}

function assertNoCircle(requests: readonly BatchRequest[]): void {
  const done = new Set<string>();
  for (let left = requests; left.length > 0; ) {
    const ready = left.filter(({ dependsOn }) => dependsOn.every((id) => done.has(id.toLowerCase())));
    if (ready.length === 0) throw badRequest('Requests depend on one another in a circle.');
    for (const { id } of ready) done.add(id.toLowerCase());
    left = left.filter(({ id }) => !done.has(id.toLowerCase()));
  }
}

function badRequest(text: string): GraphFault {
  return new GraphFault(400, 'BadRequest', `Invalid batch payload format. ${text}`);
}

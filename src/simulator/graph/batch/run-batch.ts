import { Semaphore } from '../../../base/semaphore.ts';
import { BodyTooLarge, type HttpAnswer, type IncomingHttpRequest } from '../../http/http-server.ts';
import type { BatchRequest } from './read-batch.ts';

/** Outlook requests that one batch runs concurrently. Learn, "Known issues with Microsoft Graph". */
const atATime = 4;

/** The answer to one request of a batch. */
interface BatchAnswer {
  readonly id: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * Runs the requests of a batch, four at a time, each after those it depends on. Answers can come in a different order
 * than the requests.
 * @param outer the batch itself, whose token applies to requests without one
 */
export async function runBatch(
  requests: readonly BatchRequest[],
  outer: IncomingHttpRequest,
  dispatch: (request: IncomingHttpRequest) => Promise<HttpAnswer>,
): Promise<readonly BatchAnswer[]> {
  const slots = new Semaphore(atATime);
  const running = new Map<string, Promise<BatchAnswer>>();
  const answers: BatchAnswer[] = [];
  const run = (request: BatchRequest): Promise<BatchAnswer> => {
    const key = request.id.toLowerCase();
    const started = running.get(key) ?? begin(request);
    running.set(key, started);
    return started;
  };
  const begin = async (request: BatchRequest): Promise<BatchAnswer> => {
    const needed = requests.filter(({ id }) =>
      request.dependsOn.some((each) => each.toLowerCase() === id.toLowerCase()),
    );
    const before = await Promise.all(needed.map(run));
    const answer = before.some(({ status }) => status >= 400)
      ? failedDependency(request)
      : await withSlot(slots, async () => answerIn(request, await dispatch(requestIn(request, outer))));
    answers.unshift(answer);
    return answer;
  };
  await Promise.all(requests.map(run));
  return answers;
}

async function withSlot<T>(slots: Semaphore, perform: () => Promise<T>): Promise<T> {
  const release = await slots.acquire(new AbortController().signal);
  try {
    return await perform();
  } finally {
    release();
  }
}

function failedDependency({ id }: BatchRequest): BatchAnswer {
  const error = { code: 'FailedDependency', message: 'A request that this one depends on failed.' };
  return { id, status: 424, headers: { 'Content-Type': 'application/json' }, body: { error } };
}

/** A request of a batch as if it had been sent alone. A body that is not JSON is passed on as text. */
function requestIn({ method, url, headers, body }: BatchRequest, outer: IncomingHttpRequest): IncomingHttpRequest {
  const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const { host, authorization } = outer.headers;
  const octets = Buffer.from(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
  return {
    method,
    url: new URL(`/v1.0/${url.replace(/^\//, '')}`, outer.url),
    headers: { ...(host && { host }), ...(authorization && { authorization }), ...own },
    readBody: async (maxBytes) => {
      if (octets.length > maxBytes) throw new BodyTooLarge();
      return octets;
    },
    skipBody: async () => {},
  };
}

/** An answer in a batch: JSON as JSON, everything else in base64. */
function answerIn({ id }: BatchRequest, { status, headers = {}, body }: HttpAnswer): BatchAnswer {
  if (body === undefined || body === '') return { id, status, headers };
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const type = isJson ? { 'Content-Type': 'application/json' } : {};
  return {
    id,
    status,
    headers: { ...type, ...headers },
    body: isJson ? body : Buffer.from(body as string | Buffer).toString('base64'),
  };
}

import type { Fault } from '../faults.ts';
import type { HttpAnswer } from '../http/http-server.ts';
import { GraphFault } from './graph-error.ts';

/** The answer of a staged refusal: an error in Graph's format, or an empty success. */
export function stagedAnswer(fault: Fault): HttpAnswer {
  const status = fault.status ?? 503;
  if (status < 400) return { status };
  throw new GraphFault(
    status,
    fault.code ?? (status === 429 ? 'ApplicationThrottled' : 'ServiceUnavailable'),
    fault.text ?? 'A staged error.',
    fault.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(fault.retryAfterSeconds) },
  );
}

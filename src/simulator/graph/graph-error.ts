import type { HttpAnswer } from '../http/http-server.ts';

/** A refusal by Graph, in the wording of Exchange or of Graph's own front end. */
export class GraphFault extends Error {
  override readonly name = 'GraphError';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** The ids that identify one request in every answer. */
export interface RequestIds {
  readonly requestId: string;
  readonly clientRequestId: string;
}

/** An error in Graph's format. Learn, "Microsoft Graph error responses and resource types". */
export function errorAnswer(error: GraphFault, ids: RequestIds): HttpAnswer {
  return {
    status: error.status,
    headers: error.headers,
    body: {
      error: {
        code: error.code,
        message: error.message,
        innerError: {
          date: new Date().toISOString().slice(0, 19),
          'request-id': ids.requestId,
          'client-request-id': ids.clientRequestId,
        },
      },
    },
  };
}

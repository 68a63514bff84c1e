import type { TokenSigner } from '../../entra/access-token.ts';
import type { Faults } from '../../faults.ts';
import { type HttpAnswer, type IncomingHttpRequest, withFault } from '../../http/http-server.ts';
import type { Route } from '../../http/routes.ts';
import { authenticate } from '../authorization.ts';
import type { GraphRequests } from '../graph-requests.ts';
import { readJson } from '../mail/request-body.ts';
import { stagedAnswer } from '../staged-answer.ts';
import { readBatch } from './read-batch.ts';
import { runBatch } from './run-batch.ts';

export interface BatchSettings {
  readonly signer: TokenSigner;
  readonly requests: GraphRequests;
  readonly faults: Faults;
  readonly maxRequestBytes: number;
  /** Answers one of the requests. */
  dispatch(request: IncomingHttpRequest): Promise<HttpAnswer>;
}

/** `POST /v1.0/$batch`. */
export function batchRoute({ signer, requests, faults, maxRequestBytes, dispatch }: BatchSettings): Route {
  return {
    method: 'POST',
    path: /^\/v1\.0\/\$batch$/i,
    handle: async (http) => {
      await authenticate(signer, http.headers.authorization);
      const perform = async () => {
        const batch = readBatch(await readJson(http, maxRequestBytes));
        return { status: 200, body: { responses: await runBatch(batch, http, dispatch) } };
      };
      return requests.counted('batch', '', () =>
        withFault(faults.take('graph', undefined, 'batch'), perform, stagedAnswer, http),
      );
    },
  };
}

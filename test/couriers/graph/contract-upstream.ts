import { createHttpClient } from '../../../src/base/http/client.ts';
import { type Answer, accepted, fakeGraph, refusal } from '../../graph/fake-graph.ts';
import { type Behaviour, endpointsWith, type OpenContractUpstream } from '../contract-upstream.ts';

const answers: Readonly<Record<Behaviour, Answer | Promise<Answer>>> = {
  takes: accepted,
  busy: refusal(503, 'ErrorServerBusy'),
  refuses: refusal(403, 'ErrorSendAsDenied'),
  throttles: refusal(429, 'ApplicationThrottled', { 'retry-after': '120' }),
  cuts: 'cut',
  'falls silent': new Promise(() => {}),
};

/** Microsoft Graph. */
export const openContractUpstream: OpenContractUpstream = async (behaviour, onWhole) => {
  const taken: Buffer[] = [];
  const server = await fakeGraph(async (_count, { body }) => {
    onWhole?.();
    const answer = await answers[behaviour];
    if (answer !== 'cut' && answer.status === 202) taken.push(Buffer.from(body.toString(), 'base64'));
    return answer;
  });
  const http = createHttpClient({ ca: server.ca, env: {} });
  return {
    http,
    endpoints: endpointsWith({ graph: server.origin }),
    peer: new URL(server.origin).host,
    throttledMs: 120_000,
    taken: () => taken,
    came: () => server.arrived.length,
    vanish: () => server.close(),
    close: () => http.close(),
  };
};

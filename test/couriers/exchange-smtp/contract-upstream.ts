import { createHttpClient } from '../../../src/base/http/client.ts';
import { type Behaviour, endpointsWith, type OpenContractUpstream } from '../contract-upstream.ts';
import { scriptedSmtp } from '../scripted-smtp.ts';

const replies: Readonly<Record<Behaviour, string | undefined>> = {
  takes: undefined,
  busy: '451 4.7.500 Server busy. Please try again later',
  refuses: '550 5.7.60 SMTP; Client does not have permissions to send as this sender [HOST]',
  throttles: '432 4.3.2 Concurrent connections limit exceeded.',
  cuts: 'cut',
  'falls silent': 'silence',
};

/** Exchange Online by SMTP. It names no time to wait; what it is known to want counts. */
export const openContractUpstream: OpenContractUpstream = async (behaviour, onWhole) => {
  const server = await scriptedSmtp((step) => {
    if (step !== 'end') return undefined;
    onWhole?.();
    return replies[behaviour];
  });
  const http = createHttpClient({ env: {} });
  return {
    http,
    endpoints: endpointsWith({ smtp: { host: '127.0.0.1', port: server.port, security: 'none' } }),
    peer: `127.0.0.1:${server.port}`,
    throttledMs: 10_000,
    taken: () => server.messages,
    came: () => server.connections,
    vanish: () => server.close(),
    close: () => http.close(),
  };
};

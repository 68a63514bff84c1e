import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../../base/clock.ts';
import { BridgeError } from '../../../base/errors.ts';
import type { AdminAccess, KnownCaller } from '../../access/access.ts';
import { type ApiRoute, apiRoute } from '../route.ts';
import type { AdminEvent, EventHub } from './hub.ts';

const maxStreams = 100;
const heartbeatMs = 15_000;
/** A client that reads nothing for this long is gone. */
const stallTimeoutMs = 3 * heartbeatMs;
/** Most bytes waiting for a client; one that falls further behind has to start again. */
const maxWaitingBytes = 512 * 1024;

/** What a stream of events needs. */
export interface EventStreams {
  readonly hub: EventHub;
  readonly access: AdminAccess;
  readonly clock: Clock;
}

/** Events as they come (HTML Living Standard, "Server-sent events"). */
export function eventRoutes({ hub, access, clock }: EventStreams): ApiRoute[] {
  let open = 0;
  return [
    apiRoute({
      method: 'GET',
      path: '/events',
      summary: 'Changes as they happen: `overview`, `message`, `log`, `check`, `alert`.',
      access: 'view',
      answers: { 200: { description: 'Events; the data of each is JSON.', type: 'text/event-stream' } },
      run({ caller, reply, request }) {
        if (caller === undefined) throw new BridgeError('admin-not-signed-in', 'Nobody is signed in.');
        if (open >= maxStreams) throw new BridgeError('admin-busy', 'Too many pages are open at the same time.');
        open += 1;
        const end = stream(reply, hub, clock);
        const endWatch = watchCaller(caller, access, clock, end);
        request.raw.once('close', () => {
          open -= 1;
          endWatch();
          end();
        });
        return { status: 200 };
      },
    }),
  ];
}

/** @returns a function that ends it */
function stream(reply: FastifyReply, hub: EventHub, clock: Clock): () => void {
  reply.hijack();
  const response = reply.raw;
  const headers = { ...reply.getHeaders(), 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };
  response.writeHead(200, headers as Record<string, string>);
  response.socket?.setTimeout(stallTimeoutMs);
  response.write(': mailbridge\n\n');
  const endListening = hub.listen((event) => send(response, event));
  let cancel = () => {};
  const beat = () => {
    response.write(': \n\n');
    cancel = clock.after(heartbeatMs, beat);
  };
  cancel = clock.after(heartbeatMs, beat);
  return () => {
    endListening();
    cancel();
    response.end();
  };
}

function send(response: ServerResponse, { kind, data }: AdminEvent): void {
  if (response.writableLength > maxWaitingBytes) response.destroy();
  else response.write(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** A stream ends with the session or token it began with. @returns a function that ends the watch */
function watchCaller(caller: KnownCaller, access: AdminAccess, clock: Clock, end: () => void): () => void {
  const { session } = caller;
  const endSession = session ? access.sessions.onEnd(session, end) : () => {};
  let cancel = () => {};
  let isOver = false;
  const look = () => {
    // The watch may end while the query is under way.
    if (!isOver) cancel = clock.after(heartbeatMs, ask);
  };
  // If the token cannot be read, the page connects again and gets the reason.
  const ask = () => void access.isStillKnown(caller).then((isKnown) => (isKnown ? look() : end()), end);
  look();
  return () => {
    isOver = true;
    endSession();
    cancel();
  };
}

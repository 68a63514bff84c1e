import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** One end of a joined connection. */
export interface JoinedEnd {
  readonly socket: Duplex;
  /** What has been read from it and belongs to the other end. */
  readonly unread: Buffer;
}

export interface JoinOptions {
  /** Silence in both directions after which the connection is cut. */
  readonly idleTimeoutMs: number;
  /** Ends the connection as soon as it is silent for a moment. */
  readonly closing?: AbortSignal;
}

/** What passed. */
export interface JoinResult {
  readonly toUpstreamBytes: number;
  readonly toClientBytes: number;
  readonly endedBy: 'client' | 'upstream' | 'idle' | 'closing' | 'error';
}

/** How long one end may stay open after the other has ended. */
const lingerMs = 10_000;

/** How often a connection that is to end is looked at. */
const pollMs = 250;

/**
 * Joins two connections: what comes from one goes to the other, no faster than that one takes it, and so does the end
 * of either side. Nothing is looked at. Never rejects; both sockets are closed when it resolves.
 */
export async function join(client: JoinedEnd, upstream: JoinedEnd, options: JoinOptions): Promise<JoinResult> {
  let endedBy: JoinResult['endedBy'] | undefined;
  const cut = (by: JoinResult['endedBy']): void => {
    endedBy ??= by;
    client.socket.destroy();
    upstream.socket.destroy();
  };
  for (const { socket } of [client, upstream]) {
    // The pipes' own listeners come late and go early.
    socket.on('error', () => {});
    // Two pipes and whoever had the socket before: more than the ten that are taken for a leak.
    socket.setMaxListeners(30);
  }
  const timers = new Set<NodeJS.Timeout>();
  client.socket.once('end', () => {
    endedBy ??= 'client';
  });
  upstream.socket.once('end', () => {
    endedBy ??= 'upstream';
    // A server that has said its last word will not answer any more.
    timers.add(setTimeout(() => cut('upstream'), lingerMs));
  });
  // Either direction passes the client's socket, so its clock sees both.
  (client.socket as Socket).setTimeout(options.idleTimeoutMs, () => cut('idle'));
  const onClosing = (): void => void timers.add(whenSilent(client.socket as Socket, () => cut('closing')));
  if (options.closing?.aborted) onClosing();
  else options.closing?.addEventListener('abort', onClosing);

  const counted = { up: client.unread.length, down: upstream.unread.length };
  const before = { client: bytes(client.socket), upstream: bytes(upstream.socket) };
  if (client.unread.length > 0) upstream.socket.write(client.unread);
  if (upstream.unread.length > 0) client.socket.write(upstream.unread);
  const directions = [pipeline(client.socket, upstream.socket), pipeline(upstream.socket, client.socket)];
  const outcomes = await Promise.allSettled(directions);
  if (outcomes.some(({ status }) => status === 'rejected')) endedBy ??= 'error';

  options.closing?.removeEventListener('abort', onClosing);
  for (const timer of timers) clearTimeout(timer);
  client.socket.destroy();
  upstream.socket.destroy();
  return {
    toUpstreamBytes: counted.up + bytes(client.socket) - before.client,
    toClientBytes: counted.down + bytes(upstream.socket) - before.upstream,
    endedBy: endedBy ?? 'error',
  };
}

/** Octets received. */
function bytes(socket: Duplex): number {
  return (socket as Socket).bytesRead ?? 0;
}

/** Calls `callback` once nothing has passed between two looks. */
function whenSilent(socket: Socket, callback: () => void): NodeJS.Timeout {
  let seen = -1;
  const timer = setInterval(() => {
    const passed = socket.bytesRead + socket.bytesWritten;
    if (passed === seen) callback();
    seen = passed;
  }, pollMs);
  return timer;
}

import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../faults.ts';

/** A request as the simulated services see it. */
export interface IncomingHttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** Reads the whole body. @throws BodyTooLarge beyond `maxBytes`, before reading if Content-Length says so */
  readBody(maxBytes: number): Promise<Buffer>;
  /** Reads and drops this many bytes of the body, or as many as there are. */
  skipBody(bytes: number): Promise<void>;
}

/** An answer. A body that is neither text nor bytes is sent as JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | object;
  /** Destroys the connection within the answer: after this many bytes of it, or half. */
  readonly cut?: { readonly afterBytes: number | undefined };
}

/** The body exceeds the service's limit. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** Thrown by a handler to destroy the connection instead of answering. */
export class CutConnection extends Error {
  override readonly name = 'CutConnection';
}

export interface HttpServerSettings {
  readonly host: string;
  /** 0 uses any free port. */
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  handle(request: IncomingHttpRequest): Promise<HttpAnswer>;
  /** Called with anything `handle` throws except {@link CutConnection}; the client sees a 500. */
  onDefect(error: unknown): void;
}

/** A listening part of the simulator. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens for HTTP, or HTTPS with `tls`. Rejects with the system's error if the port is unavailable. */
export async function listenHttp(settings: HttpServerSettings): Promise<Listening> {
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void serve(settings, incoming, outgoing);
  const server: Server = settings.tls ? createHttpsServer(settings.tls, listener) : createHttpServer(listener);
  // A client that keeps a connection for later must find it open: closing it would be a fault nobody staged.
  server.keepAliveTimeout = 120_000;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port, settings.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Not closeAllConnections: it skips sockets that are still in their TLS handshake.
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function serve(settings: HttpServerSettings, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  try {
    const url = new URL(incoming.url ?? '/', 'http://simulator.invalid');
    const answer = await settings.handle({
      method: incoming.method ?? 'GET',
      url,
      headers: incoming.headers,
      readBody: (maxBytes) => readBody(incoming, maxBytes),
      skipBody: (bytes) => skipBody(incoming, bytes),
    });
    send(outgoing, answer);
  } catch (error) {
    if (error instanceof CutConnection) {
      incoming.socket.destroy();
      return;
    }
    // A client that disconnects during its request is not a defect.
    if (incoming.destroyed && !incoming.complete) return;
    settings.onDefect(error);
    send(outgoing, {
      status: 500,
      body: { error: { code: 'InternalServerError', message: 'Simulator defect.' } },
    });
  }
}

function send(outgoing: ServerResponse, answer: HttpAnswer): void {
  if (outgoing.destroyed) return;
  const { body } = answer;
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const octets = isJson ? JSON.stringify(body) : (body ?? '');
  const headers = {
    ...(isJson ? { 'Content-Type': 'application/json; charset=utf-8' } : {}),
    'Content-Length': String(Buffer.byteLength(octets)),
    ...answer.headers,
  };
  if (answer.cut) {
    sendPart(outgoing, answer.status, headers, octets, answer.cut.afterBytes);
    return;
  }
  outgoing.writeHead(answer.status, headers);
  outgoing.end(octets);
}

/** Sends the beginning of an answer and destroys the connection. */
function sendPart(
  outgoing: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
  afterBytes: number | undefined,
): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`;
  const whole = Buffer.concat([Buffer.from(head), Buffer.from(body)]);
  const { socket } = outgoing;
  socket?.write(whole.subarray(0, afterBytes ?? whole.length >> 1), () => socket.destroy());
}

async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw new BodyTooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

async function skipBody(incoming: IncomingMessage, bytes: number): Promise<void> {
  let left = bytes;
  if (left <= 0) return;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    left -= (chunk as Buffer).length;
    if (left <= 0) return;
  }
}

/**
 * Applies a fault to a request: waits, cuts, or gives the answer that `refuse` makes of it.
 * @param request needed for cuts within its body; without it they come before anything is read
 * @returns `handle`'s answer if the fault only delays; a later cut throws
 */
export async function withFault(
  fault: Fault | undefined,
  handle: () => Promise<HttpAnswer>,
  refuse: (fault: Fault) => HttpAnswer,
  request?: IncomingHttpRequest,
): Promise<HttpAnswer> {
  if (!fault) return handle();
  if (fault.delayMs) await sleep(fault.delayMs);
  if (fault.kind === 'cut-reading') await request?.skipBody(fault.afterBytes ?? 0);
  if (fault.kind === 'cut-before' || fault.kind === 'cut-reading') throw new CutConnection();
  if (fault.kind === 'status' || fault.kind === 'reply') {
    const answer = refuse(fault);
    if (fault.retryAfterSeconds === undefined) return answer;
    return { ...answer, headers: { ...answer.headers, 'Retry-After': String(fault.retryAfterSeconds) } };
  }
  const answer = await handle();
  if (fault.kind === 'cut-after') throw new CutConnection();
  if (fault.kind === 'cut-answering') return { ...answer, cut: { afterBytes: fault.afterBytes } };
  return answer;
}

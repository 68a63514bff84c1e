import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BridgeError, systemErrorCode } from '../base/errors.ts';

/** Where a browser on this machine is sent back. */
export interface LoopbackRedirect {
  /** `http://localhost:PORT`, for the request to Microsoft. */
  readonly redirectUri: string;
  /**
   * Redirects to the start page, whose URL is too long to type. It ends in something that nobody can guess: that page
   * reveals what identifies an answer, so others on this machine could answer instead of the person who is to sign in.
   */
  readonly shortUrl: string;
  /**
   * Waits for the browser to return.
   * @param read reads the URL; a BridgeError with the code given as `elsewhere` turns the browser away and continues to
   * wait, because anybody on this machine may connect. Any other failure ends the wait, and is shown in the browser
   * @param start where {@link shortUrl} redirects to
   * @throws what `read` throws, or the reason of `signal`
   */
  receive<T>(options: {
    readonly read: (address: URL) => Promise<T> | T;
    readonly elsewhere: string;
    /** The page shown on success: a sentence or two. */
    thanks(result: T): string;
    readonly start?: string;
    readonly signal: AbortSignal;
  }): Promise<T>;
  close(): Promise<void>;
}

/**
 * Listens on the loopback addresses. `localhost` may mean either of the two, depending on the browser.
 * @param port 0 means any free one
 * @throws BridgeError `port-in-use`, `listen-failed`
 */
export async function listenForRedirect(port: number): Promise<LoopbackRedirect> {
  let handle: Serve = (_, response) => {
    void page(response, 404, 'Nothing is expected here.');
  };
  const serve: Serve = (request, response) => handle(request, response);
  const servers = await listenOnBoth(serve, port);
  const redirectUri = `http://localhost:${(servers[0].address() as AddressInfo).port}`;
  const shortPath = `/${randomBytes(5).toString('hex')}`;
  return {
    redirectUri,
    shortUrl: `${redirectUri}${shortPath}`,
    receive: ({ read, elsewhere, thanks, start, signal }) =>
      new Promise((resolve, reject) => {
        const abort = () => reject(signal.reason);
        if (signal.aborted) return abort();
        signal.addEventListener('abort', abort, { once: true });
        const settle = (how: () => void) => {
          signal.removeEventListener('abort', abort);
          how();
        };
        const answer = async (address: URL, response: ServerResponse) => {
          try {
            const result = await read(address);
            await page(response, 200, `${thanks(result)} You can close this window.`);
            settle(() => resolve(result));
          } catch (error) {
            const told = error instanceof BridgeError ? error.message : 'Something went wrong.';
            if (error instanceof BridgeError && error.code === elsewhere) return page(response, 400, told);
            await page(response, 200, told);
            settle(() => reject(error));
          }
        };
        handle = (request, response) => {
          const address = URL.parse(request.url ?? '', redirectUri);
          // Browsers also request icons, which have no query.
          const isAnswer = request.method === 'GET' && address !== null && address.search !== '';
          if (start !== undefined && address?.pathname === shortPath) {
            response.writeHead(302, { Location: start, 'Cache-Control': 'no-store', Connection: 'close' }).end();
            return;
          }
          void (isAnswer ? answer(address, response) : page(response, 404, 'There is no such page.'));
        };
      }),
    async close() {
      await Promise.all(servers.map(closeServer));
    },
  };
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** How many free ports are tried. */
const mostPorts = 10;

/**
 * One port on both addresses: otherwise the browser could bring the answer to whoever has the other one. A machine
 * without IPv6 has no browser that would use it.
 */
async function listenOnBoth(serve: Serve, port: number): Promise<readonly [Server, ...Server[]]> {
  for (let tried = 1; ; tried++) {
    const first = await listen(serve, port, '127.0.0.1');
    try {
      return [first, await listen(serve, (first.address() as AddressInfo).port, '::1')];
    } catch (error) {
      const code = error instanceof BridgeError ? systemErrorCode(error.cause) : undefined;
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return [first];
      await closeServer(first);
      if (code !== 'EADDRINUSE' || port !== 0 || tried === mostPorts) throw error;
    }
  }
}

function listen(serve: Serve, port: number, host: string) {
  return new Promise<Server>((resolve, reject) => {
    const server = createServer(serve);
    server.once('error', (cause) => {
      const code = systemErrorCode(cause);
      const errorCode = code === 'EADDRINUSE' ? 'port-in-use' : 'listen-failed';
      reject(
        new BridgeError(
          errorCode,
          `${host} port ${port} cannot be opened for listening (${code ?? 'unknown error'}).`,
          {
            cause,
            remedy: 'Choose another port (--port, or redirectUri of the connection), or leave it out for a free one.',
          },
        ),
      );
    });
    server.listen(port, host, () => resolve(server));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // Every page has been sent; a browser would keep its connection for minutes.
    server.closeAllConnections();
  });
}

/** Resolves when the page has been sent, or the browser has gone. */
function page(response: ServerResponse, status: number, text: string): Promise<void> {
  const escaped = text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>mailbridge</title>
<body style="font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem">
<p>${escaped}</p></body></html>\n`,
  );
  return new Promise((resolve) => {
    response.once('finish', resolve).once('close', resolve);
  });
}

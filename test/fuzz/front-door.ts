import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { silentLog } from '../../src/base/log.ts';
import { ImapReply } from '../../src/imap/reply.ts';
import { serveImap } from '../../src/imap/serve.ts';
import { Pop3Reply } from '../../src/pop3/reply.ts';
import { servePop3 } from '../../src/pop3/serve.ts';
import type { SaslCredentials } from '../../src/sasl/server-exchange.ts';

export type Protocol = 'imap' | 'pop3';

/** Octets of a command; no input may make the server keep much more than that. */
export const maxCommandBytes = 2_000;

/** Inputs that once proved interesting. */
export function corpusOf(protocol: Protocol): { readonly name: string; readonly octets: Buffer }[] {
  const folder = join(import.meta.dirname, protocol);
  return readdirSync(folder).map((name) => ({ name, octets: readFileSync(join(folder, name)) }));
}

/** A server before any login, and the client's end of its connection. */
export class FrontDoor {
  readonly client: Duplex;
  /** What the server has sent. */
  said = '';
  /** What was passed to whatever takes over after the login. */
  passedOn: Buffer | undefined;
  /** What the server logged as its own defect. */
  readonly defects: unknown[] = [];
  readonly served: Promise<void>;
  readonly #server: Duplex;
  #ended = false;

  constructor(protocol: Protocol) {
    const [client, server] = duplexPair();
    this.client = client.on('error', () => {});
    this.#server = server;
    client.on('data', (chunk: Buffer) => {
      this.said += chunk.toString('latin1');
    });
    client.on('close', () => {
      this.#ended = true;
    });
    client.on('end', () => {
      this.#ended = true;
    });
    const log = Object.assign(Object.create(silentLog) as typeof silentLog, {
      error: (fields: unknown) => this.defects.push(fields),
    });
    const limits = { loginTimeoutMs: 20_000, idleTimeoutMs: 20_000, maxFailedLogins: 3 };
    const common = { greeting: 'ready', secure: false, log };
    this.served =
      protocol === 'imap'
        ? serveImap(server, {
            ...common,
            session: { ...this.#session(imapRefusal), identify: () => undefined },
            limits: { ...limits, maxCommandBytes },
          })
        : servePop3(server, {
            ...common,
            session: { ...this.#session(pop3Refusal), takesInitialResponse: () => true },
            limits: { ...limits, maxLineBytes: maxCommandBytes },
          });
  }

  /** Sends in pieces and lets the server process each. */
  async send(octets: Buffer, pieceBytes = octets.length): Promise<void> {
    for (let at = 0; at < octets.length && !this.over; at += pieceBytes) {
      this.client.write(octets.subarray(at, at + pieceBytes));
      await turn();
    }
  }

  /** The server has ended the connection or handed it over. */
  get over(): boolean {
    return this.#ended || this.passedOn !== undefined;
  }

  /** Octets that the server has not processed yet. */
  get waiting(): number {
    return this.#server.readableLength + this.client.writableLength;
  }

  async close(): Promise<void> {
    this.client.destroy();
    this.#server.destroy();
    await this.served;
  }

  #session(refusal: () => Error) {
    return {
      capabilities: () => ['USER', 'IMAP4rev1'],
      mechanisms: () => ['PLAIN', 'LOGIN'] as const,
      closed: () => {},
      authenticate: async (credentials: SaslCredentials) => {
        if (!('password' in credentials) || credentials.password !== 'sesame') throw refusal();
        return {
          kind: 'hand-over' as const,
          capabilities: undefined,
          abandon: () => {},
          take: async ({ socket, unread }: { readonly socket: Duplex; readonly unread: Buffer }) => {
            this.passedOn = unread;
            if (!socket.destroyed) await once(socket.resume(), 'close');
          },
        };
      },
    };
  }
}

/** Lets everything happen that can happen now. */
export async function turn(): Promise<void> {
  for (let count = 0; count < 4; count++) await new Promise((resolve) => setImmediate(resolve));
}

const imapRefusal = (): Error => new ImapReply('NO', 'No.', { code: 'AUTHENTICATIONFAILED' });
const pop3Refusal = (): Error => new Pop3Reply('No.', { code: 'AUTH' });

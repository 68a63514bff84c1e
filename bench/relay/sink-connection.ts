import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';

const endOfData = Buffer.from('\r\n.\r\n');
const emptyLine = Buffer.from('\r\n');

/** What a connection shares with the rest of the upstream. */
export interface SinkHooks {
  /** A complete message has arrived. */
  received(octets: number): void;
  /** Runs `step` now, or when the gate opens. */
  whenOpen(step: () => void): void;
}

/** One SMTP connection of the upstream: accepts everything and discards it. */
export class SinkConnection {
  readonly #secureContext: SecureContext;
  readonly #upstream: SinkHooks;
  #socket: Socket;
  /** Data not parsed yet: part of a command, or of a possible final dot. */
  #rest: Buffer = Buffer.alloc(0);
  #inData = false;
  #quit = false;
  #octets = 0;

  constructor(socket: Socket, secureContext: SecureContext, upstream: SinkHooks) {
    this.#socket = socket;
    this.#secureContext = secureContext;
    this.#upstream = upstream;
    this.#listen();
    upstream.whenOpen(() => this.#socket.write('220 sink ESMTP\r\n'));
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#upstream.whenOpen(() => this.#push(chunk)));
    this.#socket.on('error', () => this.#socket.destroy());
  }

  #push(chunk: Buffer): void {
    let octets = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let replies = '';
    while (octets.length > 0) {
      const end = this.#inData ? octets.indexOf(endOfData) : octets.indexOf(emptyLine);
      if (end === -1) break;
      if (this.#inData) {
        this.#inData = false;
        this.#upstream.received(this.#octets + end + 2);
        replies += '250 2.0.0 OK\r\n';
        octets = octets.subarray(end + endOfData.length);
      } else {
        const command = octets.toString('latin1', 0, end);
        octets = octets.subarray(end + 2);
        if (/^STARTTLS/i.test(command)) {
          this.#startTls();
          return;
        }
        replies += this.#reply(command);
      }
    }
    if (this.#inData && octets.length > 4) {
      this.#octets += octets.length - 4;
      octets = octets.subarray(-4);
    }
    this.#rest = octets;
    if (replies !== '') this.#socket.write(replies);
    if (this.#quit) this.#socket.end();
  }

  #reply(command: string): string {
    const verb = command.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') {
      const start = this.#socket instanceof TLSSocket ? '250-AUTH XOAUTH2\r\n' : '250-STARTTLS\r\n';
      return `250-sink\r\n${start}250-PIPELINING\r\n250-SIZE 157286400\r\n250-8BITMIME\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n`;
    }
    if (verb === 'AUTH') return '235 2.7.0 Authentication successful\r\n';
    if (verb === 'QUIT') {
      this.#quit = true;
      return '221 2.0.0 Bye\r\n';
    }
    if (verb !== 'DATA') return '250 2.1.0 Ok\r\n';
    this.#inData = true;
    this.#octets = 0;
    return '354 Go on\r\n';
  }

  #startTls(): void {
    this.#socket.removeAllListeners('data');
    this.#socket.write('220 2.0.0 Go ahead\r\n');
    this.#rest = Buffer.alloc(0);
    this.#socket = new TLSSocket(this.#socket, { isServer: true, secureContext: this.#secureContext });
    this.#listen();
  }
}

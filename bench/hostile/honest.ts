import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type HostileWorld, honestPassword } from './world.ts';

const host = '127.0.0.1';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** How long an honest client waits for an answer before it counts as not served, in milliseconds. */
const patienceMs = 30_000;

/** One session of an honest client on each protocol; measures its waiting times. */
export class HonestClients {
  readonly #world: HostileWorld;
  readonly #localAddress: string;
  /** The slowest answer so far, in milliseconds, by request. */
  readonly slowest = new Map<string, number>();
  readonly failures: string[] = [];
  served = 0;

  constructor(world: HostileWorld, localAddress: string) {
    this.#world = world;
    this.#localAddress = localAddress;
  }

  /** All protocols in sequence. Never rejects: a client that is not served is a failure. */
  async round(): Promise<void> {
    await this.#session('smtp', 'smtp-starttls', (talk) => this.#send(talk, true));
    await this.#session('smtps', 'smtp-tls', (talk) => this.#send(talk, false));
    await this.#session('imap', 'imap-tls', async (talk) => {
      await talk.hears('greeting', /^\* OK /);
      await talk.says(`a LOGIN reader "${honestPassword}"`, 'login', /^a OK /m);
      await talk.says('b SELECT INBOX', 'SELECT', /^b OK /m);
      await talk.says('c LOGOUT', 'LOGOUT', /^c OK /m);
    });
    for (const [name, username] of [
      ['pop3', 'popper'],
      ['pop3 over imap', 'reader'],
    ] as const) {
      await this.#session(name, 'pop3-tls', async (talk) => {
        await talk.hears('greeting', /^\+OK /);
        await talk.says(`USER ${username}`, 'USER', /^\+OK/);
        await talk.says(`PASS ${honestPassword}`, 'login', /^\+OK /);
        await talk.says('STAT', 'STAT', /^\+OK \d/);
        await talk.says('QUIT', 'QUIT', /^\+OK/);
      });
    }
    await this.#session('health', 'admin', (talk) =>
      talk.says('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n', 'answer', /^HTTP\/1\.1 200 /),
    );
  }

  async #send(talk: Talk, startTls: boolean): Promise<void> {
    const [reports, alice] = this.#world.mailboxes;
    await talk.hears('greeting', /^220 /);
    await talk.says('EHLO honest.example', 'EHLO', /^250 /m);
    if (startTls) {
      await talk.says('STARTTLS', 'STARTTLS', /^220 /);
      await talk.startTls();
      await talk.says('EHLO honest.example', 'EHLO', /^250 /m);
    }
    await talk.says(`AUTH PLAIN ${base64(`\0scanner\0${honestPassword}`)}`, 'login', /^235 /);
    await talk.says(`MAIL FROM:<${reports}>`, 'MAIL', /^250 /);
    await talk.says(`RCPT TO:<${alice}>`, 'RCPT', /^250 /);
    await talk.says('DATA', 'DATA', /^354 /);
    await talk.says(`From: ${reports}\r\nTo: ${alice}\r\nSubject: honest\r\n\r\ntext\r\n.`, 'message', /^250 /);
    await talk.says('QUIT', 'QUIT', /^221 /);
  }

  async #session(name: string, port: keyof HostileWorld['ports'], run: (talk: Talk) => Promise<void>): Promise<void> {
    const where = { port: this.#world.ports[port], host, localAddress: this.#localAddress };
    const took = (what: string, ms: number): void => {
      const key = `${name}: ${what}`;
      this.slowest.set(key, Math.max(this.slowest.get(key) ?? 0, ms));
    };
    const talk = new Talk(
      port.endsWith('-tls') ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where),
      took,
    );
    try {
      await run(talk);
      this.served++;
    } catch (error) {
      this.failures.push(`${new Date().toISOString()} ${name}: ${(error as Error).message}`);
    } finally {
      talk.close();
    }
  }
}

/** A dialogue that waits for each answer. */
class Talk {
  #socket: Socket;
  #heard = '';
  #ended = false;
  #wake: (() => void) | undefined;
  #sinceMs = performance.now();
  readonly #took: (what: string, ms: number) => void;

  constructor(socket: Socket, took: (what: string, ms: number) => void) {
    this.#socket = socket;
    this.#took = took;
    this.#listen();
  }

  #listen(): void {
    this.#socket
      .on('data', (chunk) => {
        this.#heard += chunk.toString('latin1');
        this.#wake?.();
      })
      .on('error', (error) => {
        this.#heard += `(${error.message})`;
      })
      .on('close', () => {
        this.#ended = true;
        this.#wake?.();
      });
  }

  async says(line: string, what: string, answer: RegExp): Promise<void> {
    this.#heard = '';
    this.#sinceMs = performance.now();
    this.#socket.write(`${line}\r\n`);
    await this.hears(what, answer);
  }

  async hears(what: string, answer: RegExp): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(), patienceMs);
    while (!answer.test(this.#heard) && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    const ms = performance.now() - this.#sinceMs;
    if (!answer.test(this.#heard)) throw new Error(`${what}, after ${Math.round(ms)} ms: ${this.#heard.slice(0, 200)}`);
    this.#took(what, ms);
  }

  async startTls(): Promise<void> {
    this.#socket.removeAllListeners();
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#socket = secured;
    this.#listen();
    await new Promise<void>((resolve, reject) => {
      secured.once('secureConnect', resolve).once('close', () => reject(new Error('no TLS')));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

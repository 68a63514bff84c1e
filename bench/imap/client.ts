import { connect, type TLSSocket } from 'node:tls';

/** The address of a relay and the login to use there. */
export interface Target {
  readonly port: number;
  readonly ca: string;
  /** The login command without its tag. */
  readonly login: string;
}

/** Key exchange of old mail programs and of stunnel in Debian 12: the same for everything compared. */
export const classicCurves = 'X25519:P-256';

/** An IMAP client that parses no more than necessary. */
export class Client {
  readonly #socket: TLSSocket;
  #onData: (chunk: Buffer) => void = () => {};

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', () => {});
  }

  /** Connects and logs in. */
  static async open({ port, ca, login }: Target): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', servername: 'localhost', port, ca, ecdhCurve: classicCurves });
    socket.setNoDelay(true);
    const client = new Client(socket);
    await client.#until(/^\* OK.*\r\n/);
    await client.command(login);
    return client;
  }

  /** Sends a command and waits for its OK. */
  async command(text: string): Promise<void> {
    const done = this.#until(/(?:^|\n)x (OK|NO|BAD).*\r\n/);
    this.#socket.write(`x ${text}\r\n`);
    const [answer, status] = await done;
    if (status !== 'OK') throw new Error(answer);
  }

  /** Fetches this many megabytes and counts what arrives. */
  fetch(megabytes: number): Promise<void> {
    const expected = megabytes * 1024 * 1024;
    let seen = 0;
    return new Promise((resolve) => {
      this.#onData = (chunk) => {
        seen += chunk.length;
        if (seen > expected && chunk.subarray(-30).includes('completed.\r\n')) resolve();
      };
      this.#socket.write(`x FETCH ${megabytes}\r\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #until(end: RegExp): Promise<RegExpExecArray> {
    let text = '';
    return new Promise((resolve, reject) => {
      this.#socket.once('close', () => reject(new Error(`the connection ended; seen so far: ${text}`)));
      this.#onData = (chunk) => {
        text += chunk.toString('latin1');
        const match = end.exec(text);
        if (match) resolve(match);
      };
    });
  }
}

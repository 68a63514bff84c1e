import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';

/** A client that sends the given octets and returns every reply unchanged. */
export class SmtpDialogue {
  #socket: Socket;
  #received = '';
  #closed = false;
  #waiting: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** @param localAddress the address to connect from */
  static async open(port: number, host = '127.0.0.1', localAddress?: string): Promise<SmtpDialogue> {
    const socket = connect({ port, host, ...(localAddress && { localAddress }) });
    const dialogue = new SmtpDialogue(socket);
    onTestFinished(() => void socket.destroy());
    await dialogue.reply();
    return dialogue;
  }

  #listen(): void {
    this.#socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
      this.#waiting?.();
    });
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#waiting?.();
    });
    this.#socket.on('error', () => {});
  }

  /** Sends octets unchanged. */
  send(octets: string | Buffer): void {
    this.#socket.write(typeof octets === 'string' ? Buffer.from(octets, 'utf8') : octets);
  }

  /** Sends a line and returns the reply, its lines joined by ` | `. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return await this.reply();
  }

  /** Sends several commands in one packet; returns all their replies. */
  async pipeline(...lines: string[]): Promise<string[]> {
    this.send(lines.map((line) => `${line}\r\n`).join(''));
    const replies: string[] = [];
    for (const _ of lines) replies.push(await this.reply());
    return replies;
  }

  /** Sends DATA, the message (dot-stuffed here) and the final dot; returns the last reply. */
  async message(content: string | Buffer): Promise<string> {
    const go = await this.say('DATA');
    if (!go.startsWith('354')) return go;
    const text = Buffer.isBuffer(content) ? content.toString('latin1') : Buffer.from(content).toString('latin1');
    this.send(Buffer.from(`${text.replace(/^\./, '..').replace(/\r\n\./g, '\r\n..')}.\r\n`, 'latin1'));
    return await this.reply();
  }

  /** The next reply; `closed` if the server has closed the connection. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#received);
      if (match) {
        this.#received = this.#received.slice(match[0].length);
        return match[0].trimEnd().split('\r\n').join(' | ');
      }
      if (this.#closed) return 'closed';
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  /**
   * @param ahead sent in the clear in the same packet as the command
   * @param pauseMs how long to delay the handshake
   */
  async starttls(ahead = '', pauseMs = 0): Promise<string> {
    this.send(`STARTTLS\r\n${ahead}`);
    const reply = await this.reply();
    if (pauseMs > 0) await sleep(pauseMs);
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#socket = secure;
    this.#listen();
    await new Promise((resolve) => secure.once('secureConnect', resolve));
    return reply;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

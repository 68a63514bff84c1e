import { once } from 'node:events';
import { connect } from 'node:net';

/** Logs in over SMTP, each time on a new connection. */
export class SmtpLogins {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** @returns whether the login succeeded */
  async login(username: string, password: string): Promise<boolean> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    let received = '';
    const finalLine = async (code: string) => {
      while (!new RegExp(`^${code} .*\r\n`, 'm').test(received) && !/^[45]\d\d /m.test(received)) {
        const [chunk] = await once(socket, 'data');
        received += String(chunk);
      }
      return new RegExp(`^${code} `, 'm').test(received);
    };
    try {
      await finalLine('220');
      socket.write('EHLO bench.test\r\n');
      await finalLine('250');
      socket.write(`AUTH PLAIN ${Buffer.from(`\0${username}\0${password}`).toString('base64')}\r\n`);
      return await finalLine('235');
    } finally {
      socket.end('QUIT\r\n');
    }
  }
}

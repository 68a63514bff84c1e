import { once } from 'node:events';
import { connect } from 'node:net';
import { LineReader } from '../../base/sockets/line-reader.ts';

/** Where a maildrop is and how to log in. */
export interface MaildropLogin {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

const timeoutMs = 10_000;
const maxLineBytes = 64 * 1024;

/**
 * Fetches the newest message of a maildrop (RFC 1939), with line ends as `\n`, one character for each octet; undefined
 * if there is none. Uses no TLS: on the machine's own loopback a password may be sent in the clear.
 * @throws Error with what the server said, or that the connection failed
 */
export async function newestByPop3({ host, port, username, password }: MaildropLogin): Promise<string | undefined> {
  const socket = connect(port, host);
  socket.on('error', () => {});
  const reader = new LineReader(socket, timeoutMs);
  const line = async (): Promise<string> => (await reader.line(maxLineBytes)).toString('latin1');
  const answer = async (): Promise<string> => {
    const text = await line();
    if (!text.startsWith('+OK')) throw new Error(`the POP3 server says: ${text}`);
    return text;
  };
  const ask = (command: string): Promise<string> => {
    socket.write(`${command}\r\n`);
    return answer();
  };
  try {
    await once(socket, 'connect');
    await answer();
    await ask(`USER ${username}`);
    await ask(`PASS ${password}`);
    const [, count = '0'] = (await ask('STAT')).split(' ');
    if (count !== '0') await ask(`RETR ${count}`);
    const message = count === '0' ? undefined : await multiline(line);
    await ask('QUIT');
    return message;
  } finally {
    reader.close();
    socket.destroy();
  }
}

/** RFC 1939 section 3: up to the line with a single dot; of two dots at the start of a line the first is removed. */
async function multiline(line: () => Promise<string>): Promise<string> {
  const lines: string[] = [];
  for (let text = await line(); text !== '.'; text = await line()) {
    lines.push(text.startsWith('.') ? text.slice(1) : text);
  }
  return lines.map((text) => `${text}\n`).join('');
}

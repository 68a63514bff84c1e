import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/**
 * The points at which a script can step in: before the greeting, at a command, at the first octets of a message, at its
 * final dot.
 */
export type Step = 'connect' | 'EHLO' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'body' | 'end' | 'RSET' | 'QUIT';

export interface StepFacts {
  /** 1 for the first connection. */
  readonly connection: number;
  /** 1 for the first transaction of the connection. */
  readonly transaction: number;
  readonly line: string;
}

/** A reply, `cut` to drop the connection, or nothing for the ordinary reply. */
export type Script = (step: Step, facts: StepFacts) => string | 'cut' | 'silence' | undefined;

export interface ScriptedSmtp {
  readonly port: number;
  /** Every line received outside of message data. */
  readonly lines: string[];
  /** Accepted messages, with dots unstuffed. */
  readonly messages: Buffer[];
  connections: number;
  readonly open: Set<Socket>;
  close(): Promise<void>;
}

const ordinary: Record<Step, string> = {
  connect: '220 scripted ESMTP',
  EHLO: '250-scripted\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n250-DSN\r\n250-8BITMIME\r\n250-AUTH LOGIN XOAUTH2\r\n250 SMTPUTF8',
  AUTH: '235 2.7.0 Authentication successful',
  MAIL: '250 2.1.0 Sender OK',
  RCPT: '250 2.1.5 Recipient OK',
  DATA: '354 Start mail input; end with <CRLF>.<CRLF>',
  body: '',
  end: '250 2.0.0 OK <id-1@scripted.prod.outlook.com> [Hostname=SCRIPTED.prod.outlook.com]',
  RSET: '250 2.0.0 Resetting',
  QUIT: '221 2.0.0 Bye',
};

/** An unencrypted SMTP server that follows a script, for what a well-behaved server never does. */
export async function scriptedSmtp(script: Script = () => undefined): Promise<ScriptedSmtp> {
  const server = createServer((socket) => converse(socket, script, state));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const state: ScriptedSmtp = {
    port: (server.address() as AddressInfo).port,
    lines: [],
    messages: [],
    connections: 0,
    open: new Set(),
    async close() {
      for (const socket of state.open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return state;
}

function converse(socket: Socket, script: Script, state: ScriptedSmtp): void {
  state.connections += 1;
  state.open.add(socket);
  const connection = state.connections;
  let transaction = 0;
  let buffered: Buffer = Buffer.alloc(0);
  let inData = false;
  let bodySeen = false;
  socket.on('error', () => {});
  socket.on('close', () => state.open.delete(socket));

  const act = (step: Step, line: string): string | undefined => {
    if (step === 'MAIL') transaction += 1;
    const reply = script(step, { connection, transaction, line }) ?? ordinary[step];
    if (reply === 'cut') socket.destroy();
    else if (reply !== '' && reply !== 'silence') socket.write(`${reply}\r\n`);
    return reply;
  };

  act('connect', '');
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, Buffer.from(chunk)]);
    while (!socket.destroyed) {
      if (inData) {
        if (!bodySeen && buffered.length > 0) {
          bodySeen = true;
          act('body', '');
        }
        const end = buffered.indexOf('\r\n.\r\n');
        if (end < 0) return;
        const message = buffered
          .subarray(0, end + 2)
          .toString('latin1')
          .replace(/(^|\r\n)\.\./g, '$1.');
        buffered = buffered.subarray(end + 5);
        inData = false;
        if (act('end', '')?.startsWith('2')) state.messages.push(Buffer.from(message, 'latin1'));
        continue;
      }
      const end = buffered.indexOf('\r\n');
      if (end < 0) return;
      const line = buffered.subarray(0, end).toString();
      buffered = buffered.subarray(end + 2);
      state.lines.push(line);
      const step = (/^[A-Z]+/.exec(line)?.[0] ?? 'RSET') as Step;
      const reply = act(step, line);
      if (step === 'DATA' && reply?.startsWith('3')) {
        inData = true;
        bodySeen = false;
      }
    }
  });
}

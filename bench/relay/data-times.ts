import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { connections, messageBytes } from './load.ts';
import { recipient, reversePath } from './relay.ts';

/** How long clients wait from their final dot to the reply, in milliseconds. */
export interface DataTimes {
  readonly median: number;
  readonly p99: number;
}

const header = `From: <${reversePath}>\r\nTo: <${recipient}>\r\nSubject: a time\r\n\r\n`;
const line = `${'x'.repeat(76)}\r\n`;
const message = `${header}${line.repeat(Math.ceil((messageBytes - header.length) / line.length))}.\r\n`;

/** Sends messages over as many connections as the load uses, to the ports in turn, and measures each. */
export async function dataTimes(ports: readonly number[], messages: number): Promise<DataTimes> {
  const times: number[] = [];
  const each = Math.ceil(messages / connections);
  await Promise.all(
    Array.from({ length: connections }, (_, turn) => sendMeasured(ports[turn % ports.length] ?? 0, each, times)),
  );
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.ceil(times.length * share) - 1] ?? Number.NaN;
  return { median: at(0.5), p99: at(0.99) };
}

async function sendMeasured(port: number, messages: number, times: number[]): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const replies = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = async (wanted: string): Promise<void> => {
    for (;;) {
      const { value, done } = await replies.next();
      if (done || !String(value).startsWith(wanted)) throw new Error(`${wanted} expected, and ${value} came`);
      if (value[3] !== '-') return;
    }
  };
  await reply('220');
  socket.write('EHLO bench.example\r\n');
  await reply('250');
  for (let sent = 0; sent < messages; sent++) {
    const commands = [`MAIL FROM:<${reversePath}>`, `RCPT TO:<${recipient}>`, 'DATA'];
    for (const command of commands) {
      socket.write(`${command}\r\n`);
      await reply(command === 'DATA' ? '354' : '250');
    }
    const startedAtMs = performance.now();
    socket.write(message);
    await reply('250');
    times.push(performance.now() - startedAtMs);
  }
  socket.end('QUIT\r\n');
}

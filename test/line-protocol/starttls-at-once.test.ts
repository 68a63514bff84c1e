import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { serveImap } from '../../src/imap/serve.ts';
import { servePop3 } from '../../src/pop3/serve.ts';
import { until } from '../support/event-turns.ts';

const limits = { loginTimeoutMs: 60_000, idleTimeoutMs: 60_000, maxFailedLogins: 3 };
const session = {
  capabilities: () => [],
  mechanisms: () => [],
  takesInitialResponse: () => true,
  identify: () => undefined,
  authenticate: async () => {
    throw new Error('nobody logs in here');
  },
  closed: () => {},
};
const common = { greeting: 'ready', secure: false, session, log: silentLog } as const;

const engines = {
  imap: {
    ask: 'a STARTTLS\r\n',
    goAhead: /^a OK /m,
    serve: (socket: Duplex, startTls: (socket: Duplex) => Promise<Duplex>) =>
      serveImap(socket, { ...common, startTls, limits: { ...limits, maxCommandBytes: 1_000 } }),
  },
  pop3: {
    ask: 'STLS\r\n',
    goAhead: /^\+OK Begin/m,
    serve: (socket: Duplex, startTls: (socket: Duplex) => Promise<Duplex>) =>
      servePop3(socket, { ...common, startTls, limits: { ...limits, maxLineBytes: 1_000 } }),
  },
};

test.each(['imap', 'pop3'] as const)(
  'a handshake that begins before the go-ahead is wholly written is not taken for clear text (%s)',
  async (protocol) => {
    const { ask, goAhead, serve } = engines[protocol];
    let said = '';
    let finishWrite: (() => void) | undefined;
    const socket = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        said += String(chunk);
        // The client already has it; the system reports it later.
        if (goAhead.test(said)) finishWrite = done;
        else done();
      },
    });
    let handshake: string | undefined;
    const served = serve(socket, async (plain) => {
      await until(() => plain.readableLength > 0);
      handshake = String(plain.read());
      throw new Error('no handshake in this test');
    });
    socket.push(`${ask}said in clear`);
    await until(() => finishWrite !== undefined);
    socket.push('ClientHello');
    finishWrite?.();
    await served;
    expect(handshake).toBe('ClientHello');
  },
);

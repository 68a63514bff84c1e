import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { probeSmtp } from '../../../src/exchange/smtp/probe.ts';
import { type Script, scriptedSmtp } from '../../couriers/scripted-smtp.ts';

async function probed(script?: Script, signal = new AbortController().signal) {
  const server = await scriptedSmtp(script);
  onTestFinished(() => server.close());
  const endpoint = { host: '127.0.0.1', port: server.port, security: 'none' } as const;
  return { server, probe: probeSmtp({ endpoint }, signal) };
}

const patience = new AbortController().signal;

/** A server that answers QUIT after a delay, and reports whether the client was still connected then. */
async function slowToLeave(afterMs: number) {
  const wasThere = Promise.withResolvers<boolean>();
  const server = createServer((socket) => {
    socket.on('error', () => {}).write('220 ready\r\n');
    socket.on('data', (chunk) => {
      if (!chunk.toString().startsWith('QUIT')) return void socket.write('250 hello\r\n');
      setTimeout(() => {
        wasThere.resolve(!socket.readableEnded);
        socket.end('221 bye\r\n');
      }, afterMs);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, wasThere: wasThere.promise };
}

const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;

test('a probe connects, leaves without a login, and leaves nothing behind', async () => {
  const before = timers();
  const { server, probe } = await probed();
  await probe;
  await expect.poll(() => server.open.size).toBe(0);
  expect(server.lines.map((line) => line.split(' ')[0])).toEqual(['EHLO', 'QUIT']);
  // The second for which it would have waited is not over.
  await expect.poll(timers, { timeout: 500, interval: 20 }).toBeLessThanOrEqual(before);
});

test('a server that takes a moment to answer QUIT is not cut off', async () => {
  const server = await slowToLeave(200);
  await probeSmtp({ endpoint: { host: '127.0.0.1', port: server.port, security: 'none' } }, patience);
  // If cut off, the socket would have been closed before the answer was written.
  await expect(server.wasThere).resolves.toBe(true);
});

test('a server that does not answer QUIT keeps no connection for longer than a second', async () => {
  const { server, probe } = await probed((step) => (step === 'QUIT' ? 'silence' : undefined));
  await probe;
  expect(server.open.size).toBe(1);
  await expect.poll(() => server.open.size, { timeout: 10_000 }).toBe(0);
});

test('a server that refuses the connection is a failure to connect, and is left', async () => {
  const { server, probe } = await probed((step) => (step === 'connect' ? '421 4.3.2 Service not active' : undefined));
  await expect(probe).rejects.toMatchObject({ name: 'SmtpUpstreamError', stage: 'connect' });
  await expect.poll(() => server.open.size).toBe(0);
});

test('a server that says nothing is left when the time is over', async () => {
  const { server, probe } = await probed(
    (step) => (step === 'connect' ? 'silence' : undefined),
    AbortSignal.timeout(100),
  );
  await expect(probe).rejects.toMatchObject({ name: 'SmtpUpstreamError', aborted: true });
  await expect.poll(() => server.open.size).toBe(0);
});

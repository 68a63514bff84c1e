import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import { freePorts } from '../support/ports.ts';
import { contosoAccount, contosoConfig, password, type Relay, startRelay } from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

type Listeners = ConfigInput['listeners'];

async function world(listeners: Listeners, changes: Partial<ConfigInput> = {}) {
  const accounts = [contosoAccount('graph', { read: 'imap' })];
  const relay = await startRelay({ listeners, accounts, ...changes });
  onTestFinished(() => relay.close());
  return { relay, reload: reloadOf(relay, { accounts, ...changes }) };
}

function reloadOf(relay: Relay, changes: Partial<ConfigInput>) {
  return async (listeners: Listeners, more: Partial<ConfigInput> = {}) => {
    await relay.folder.configure(contosoConfig(relay.simulator, { ...changes, listeners, ...more }));
    await relay.bridge.reload((await loadConfig(relay.folder.configFile, { env: {} })).config);
  };
}

async function smtp(port: number): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.open(port);
  onTestFinished(() => client.destroy());
  return client;
}

/** The first line of a server; `refused` if nothing listens. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1')
      .once('data', (data) => {
        socket.destroy();
        resolve(String(data).split('\r\n')[0] ?? '');
      })
      .once('error', () => resolve('refused'));
  });
}

/** An IMAP client that has received the greeting. */
async function imap(port: number) {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const next = async () => String((await once(socket, 'data'))[0]);
  expect(await next()).toMatch(/^\* OK /);
  const say = (line: string) => {
    socket.write(`${line}\r\n`);
    return next();
  };
  return { say };
}

test('a reload opens what is new and closes what is gone, and a session there goes on', async () => {
  const base = await freePorts(3);
  const [first, second, third] = [base, base + 1, base + 2];
  const { relay, reload } = await world([
    { protocol: 'smtp', port: first, security: 'none' },
    { protocol: 'smtp', port: second, security: 'none' },
  ]);
  const staying = await smtp(first);
  expect(await staying.say('EHLO client.test')).toMatch(/^250/);
  await reload([
    { protocol: 'imap', port: third, security: 'none' },
    { protocol: 'smtp', port: second, security: 'none' },
  ]);
  expect(await greeting(first)).toBe('refused');
  expect(await greeting(second)).toMatch(/^220 /);
  expect(await greeting(third)).toMatch(/^\* OK /);
  expect(relay.bridge.listeners.map(({ protocol, port }) => [protocol, port])).toEqual([
    ['imap', third],
    ['smtp', second],
  ]);
  expect(await staying.say(`AUTH PLAIN ${Buffer.from(`\0graph\0${password}`).toString('base64')}`)).toMatch(/^235 /);
  await reload([{ protocol: 'smtp', port: first, security: 'none' }]);
  expect(await greeting(first)).toMatch(/^220 /);
  expect(await greeting(third)).toBe('refused');
  expect(await staying.say('NOOP')).toMatch(/^250 /);
});

test('what has changed at a port holds for those who come from then on', async () => {
  const port = await freePorts(1);
  const { relay, reload } = await world([{ protocol: 'smtp', port, security: 'none' }]);
  const before = await smtp(port);
  expect(await before.say('EHLO client.test')).not.toContain('STARTTLS');
  await reload([{ protocol: 'smtp', port, security: 'starttls' }]);
  expect(await (await smtp(port)).say('EHLO client.test')).toContain('STARTTLS');
  expect(await before.say('EHLO client.test')).not.toContain('STARTTLS');
  expect(relay.bridge.listeners[0]?.security).toBe('starttls');
  await reload([{ protocol: 'pop3', port, security: 'none' }]);
  expect(await greeting(port)).toMatch(/^\+OK /);
  expect(await before.say('NOOP')).toMatch(/^250 /);
  expect(relay.bridge.listeners[0]?.clients()).toBeGreaterThanOrEqual(1);
});

test('a port that cannot be had leaves everything as it was, accounts too', async () => {
  const base = await freePorts(3);
  const { relay, reload } = await world([{ protocol: 'smtp', port: base, security: 'none' }]);
  const taken = await world([{ protocol: 'smtp', port: base + 1, security: 'none' }]);
  const wanted: Listeners = [
    { protocol: 'smtp', port: base, security: 'starttls' },
    { protocol: 'imap', port: base + 2, security: 'none' },
    { protocol: 'smtp', port: base + 1, security: 'none' },
  ];
  const accounts = [contosoAccount('graph', { password: 'another password' })];
  await expect(reload(wanted, { accounts })).rejects.toMatchObject({
    code: 'port-in-use',
    message: `listeners[2]: 127.0.0.1:${base + 1} is in use by another program.`,
  });
  expect(await greeting(base + 2)).toBe('refused');
  const client = await smtp(base);
  expect(await client.say('EHLO client.test')).not.toContain('STARTTLS');
  expect(await client.say(`AUTH PLAIN ${Buffer.from(`\0graph\0${password}`).toString('base64')}`)).toMatch(/^235 /);
  expect(relay.bridge.listeners).toHaveLength(1);
  await taken.relay.bridge.stop();
  await reload(wanted);
  expect(await greeting(base + 2)).toMatch(/^\* OK /);
});

test('listeners with any port are matched by their place among those of their protocol', async () => {
  const any = { port: 0, security: 'none' } as const;
  const { relay, reload } = await world([
    { protocol: 'smtp', ...any },
    { protocol: 'smtp', ...any },
  ]);
  const ports = relay.bridge.listeners.map(({ port }) => port);
  await reload([
    { protocol: 'imap', ...any },
    { protocol: 'smtp', ...any },
  ]);
  expect(relay.bridge.listeners.map(({ port }) => port)[1]).toBe(ports[0]);
  expect(await greeting(ports[1] ?? 0)).toBe('refused');
});

test('with workers, too: a listener is added, changed and removed, and a session goes on', {
  timeout: 60_000,
}, async () => {
  const base = await freePorts(2);
  const { relay, reload } = await world([{ protocol: 'imap', port: base, security: 'none' }], { workers: 2 });
  const before = await imap(base);
  expect(await before.say('a NOOP')).toMatch(/^a OK /m);
  await reload([
    { protocol: 'imap', port: base, security: 'starttls' },
    { protocol: 'pop3', port: base + 1, security: 'none' },
  ]);
  expect(await greeting(base)).toContain('STARTTLS');
  expect(await greeting(base + 1)).toMatch(/^\+OK /);
  await reload([{ protocol: 'pop3', port: base + 1, security: 'none' }]);
  expect(await greeting(base)).toBe('refused');
  expect(await before.say('b NOOP')).toMatch(/^b OK /m);
  expect(relay.bridge.listeners.map(({ protocol }) => protocol)).toEqual(['pop3']);
});

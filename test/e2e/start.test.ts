import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startOtherMicrosoft } from '../support/external-microsoft.ts';
import { freePorts } from '../support/ports.ts';
import { Mailbridge } from '../support/process.ts';
import {
  alice,
  arrived,
  contosoConfig,
  couriers,
  password,
  type RelayFolder,
  relayFolder,
  reports,
  startContoso,
  until,
} from '../support/relay.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let simulator: Simulator;
let folder: RelayFolder;
const bridges: Mailbridge[] = [];

beforeEach(async () => {
  simulator = await startContoso();
  folder = await relayFolder(contosoConfig(simulator));
});

afterEach(async () => {
  await Promise.all(bridges.splice(0).map((bridge) => bridge.kill()));
  await simulator?.close();
  await folder?.remove();
});

/** `mailbridge start`, ready. */
async function start(configFile = folder.configFile): Promise<Mailbridge> {
  const bridge = await Mailbridge.start(configFile);
  bridges.push(bridge);
  return bridge;
}

/** `mailbridge start` that is expected to exit on its own. */
async function startInVain(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const bridge = Mailbridge.run(['start', ...args]);
  bridges.push(bridge);
  const { code } = await bridge.exit();
  return { code, stdout: bridge.stdout, stderr: bridge.stderr };
}

async function send(port: number, username: string, id: string): Promise<string> {
  const client = await SmtpDialogue.open(port);
  const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`);
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
  const reply = await client.message(`From: ${reports}\r\nTo: ${alice}\r\nMessage-ID: ${id}\r\n\r\ntext\r\n`);
  client.destroy();
  return reply;
}

describe('ready', () => {
  test('one line says so, with all listeners', async () => {
    const listeners: ConfigInput['listeners'] = [
      { protocol: 'smtp', port: 0 },
      { protocol: 'smtp', port: 0, security: 'tls' },
    ];
    await folder.configure(contosoConfig(simulator, { listeners }));
    const bridge = await start();
    bridge.signal('SIGTERM');
    expect(await bridge.exit()).toEqual({ code: 0, signal: null });
    const ready = bridge.lines.filter(({ msg }) => msg.startsWith('ready: '));
    expect(ready.map(({ msg }) => msg)).toEqual([
      `ready: smtp 127.0.0.1:${bridge.port(0)} (starttls), smtp 127.0.0.1:${bridge.port(1)} (tls)`,
    ]);
    const authority = bridge.lines.find(({ msg }) => msg.includes('clients have to trust the authority'));
    expect(authority?.file).toBe(join(folder.path, 'data', 'tls', 'ca.crt'));
    expect(bridge.stderr).toBe('');
  });

  test('it is said where the log is silent, too', async () => {
    await folder.configure(contosoConfig(simulator, { log: { level: 'error' } }));
    const bridge = Mailbridge.run(['start', '--config', folder.configFile]);
    bridges.push(bridge);
    await bridge.text(/\n/, 'the ready line');
    expect(bridge.stdout).toMatch(/^ready: smtp 127\.0\.0\.1:\d+ \(starttls\)\n$/);
  });

  test('a message leaves a line at each hop, all with its queue id, and no secret', async () => {
    const bridge = await start();
    const id = /Queued as (\S+)/.exec(await send(bridge.port(), 'graph', '<hops@contoso.com>'))?.[1];
    await bridge.line((line) => line.msg === 'delivered', 'delivered');
    const hops = bridge.lines.filter((line) => line.id === id);
    expect(hops.map(({ msg }) => msg)).toEqual(['accepted', 'delivered']);
    expect(hops[0]).toMatchObject({ account: 'graph', client: '127.0.0.1', from: reports, to: alice });
    expect(hops[1]).toMatchObject({ mailbox: reports, courier: 'graph', attempt: 1, upstreamId: expect.any(String) });
    for (const secret of [password, simulator.clientSecret, 'eyJ']) expect(bridge.stdout).not.toContain(secret);
  });
});

describe('it does not start, says why in one line, and exits with 2', () => {
  test('where the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await folder.configure(
      contosoConfig(simulator, {
        listeners: [
          { protocol: 'smtp', port: 0 },
          { protocol: 'smtp', port },
        ],
      }),
    );
    const { code, stderr } = await startInVain('--config', folder.configFile);
    expect(stderr).toMatch(
      new RegExp(
        `^mailbridge: listeners\\[1\\]: 127\\.0\\.0\\.1:${port} is in use by another program\\. .+ \\(port-in-use\\)\\n$`,
      ),
    );
    expect(code).toBe(2);
  });

  test('where a second bridge is to run on the same data folder; the first goes on', async () => {
    const first = await start();
    const { code, stderr } = await startInVain('--config', folder.configFile);
    expect(stderr).toMatch(/^mailbridge: Another bridge is running on the data folder .+ \(already-running\)\n$/);
    expect(code).toBe(2);
    expect(await send(first.port(), 'graph', '<first@contoso.com>')).toMatch(/^250 /);
    await arrived(simulator, alice, 'INBOX', '<first@contoso.com>');
  });

  test('where the certificate does not exist, or is none', async () => {
    const tls = { cert: 'server.crt', key: 'server.key' };
    await folder.configure(contosoConfig(simulator, { tls }));
    const missing = await startInVain('--config', folder.configFile);
    expect(missing.stderr).toMatch(/^mailbridge: .*server\.crt cannot be read: it does not exist\. .+\n$/);
    expect(missing.code).toBe(2);
    for (const name of ['server.crt', 'server.key']) await writeFile(join(folder.path, name), 'no certificate');
    const damaged = await startInVain('--config', folder.configFile);
    expect(damaged.stderr).toMatch(/^mailbridge: \S+server\.crt contains no certificate in PEM form\. .+\n$/);
    expect(damaged.code).toBe(2);
  });

  test('where the configuration is wrong', async () => {
    await writeFile(folder.configFile, '{ "listeners": [] }', { mode: 0o600 });
    const { code, stderr, stdout } = await startInVain('--config', folder.configFile);
    expect(stderr).toMatch(/^mailbridge: .+ has \d+ problems?: .+ \(config-invalid\)\n$/);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('where the configuration that it was given does not exist', async () => {
    const file = join(folder.path, 'nothing.json');
    const { code, stderr } = await startInVain('--config', file);
    expect(stderr).toMatch(
      /^mailbridge: The configuration file .+nothing\.json does not exist\. .+ \(config-not-found\)\n$/,
    );
    expect(code).toBe(2);
  });

  test('where the place of the configuration is taken by a folder', async () => {
    const { code, stderr } = await startInVain('--config', folder.path);
    expect(stderr).toMatch(/^mailbridge: .+ \(config-not-found\)\n$/);
    expect(code).toBe(2);
  });
});

function isWaiting({ msg }: { readonly msg: string }): boolean {
  return msg.startsWith('mail of reports@contoso.com waits for an administrator: ');
}

describe('a wrong secret', () => {
  test.each(couriers)(
    'holds the mail of %s, names the remedy, bounces nothing; corrected at SIGHUP it is sent',
    async (courier) => {
      const right = contosoConfig(simulator);
      const wrong = structuredClone(right);
      Object.assign(wrong.connections.contoso ?? {}, { clientSecret: 'last-year~s-secret' });
      await folder.configure(wrong);
      const bridge = await start();
      // Reported at the start, before there is any mail.
      const resource = courier === 'graph' ? 'graph' : 'exchange';
      const told = await bridge.line((line) => line.level >= 50 && line.resource === resource, 'the error');
      expect(told.msg).toMatch(/^connection contoso could not get a token for .*AADSTS7000215.*clientSecret/);

      const id = `<held-${courier}@contoso.com>`;
      expect(await send(bridge.port(), courier, id)).toMatch(/^250 /);

      const isPaused = ({ msg }: { msg: string }) => msg.startsWith('connection contoso is paused: ');
      const held = await bridge.line(isPaused, 'the error');
      expect(held.level).toBe(50);
      expect(held.msg).toMatch(/AADSTS7000215.*clientSecret/);
      expect(bridge.stdout).not.toContain('last-year');
      expect(simulator.transport.journal.count).toBe(0);
      expect(simulator.directory.messages(reports, 'INBOX')).toHaveLength(0);

      await folder.configure(right);
      bridge.signal('SIGHUP');
      await bridge.line(({ msg }) => msg === 'configuration and certificates reloaded', 'the reload');
      await arrived(simulator, alice, 'INBOX', id);
      expect(simulator.transport.journal.entries().map(({ messageId }) => messageId)).toEqual([id]);
      expect(bridge.lines.filter(isPaused)).toHaveLength(1);
      expect(bridge.lines.filter(isWaiting)).toHaveLength(0);
      await bridge.line(({ msg }) => msg.startsWith('connection contoso works again after '), 'the end of it');
    },
  );
});

describe('a missing permission', () => {
  async function heldFor(bridge: Mailbridge, id: string): Promise<void> {
    expect(await send(bridge.port(), 'graph', id)).toMatch(/^250 /);
    const held = await bridge.line(isWaiting, 'the error');
    expect(held.level).toBe(50);
    expect(held.msg).toMatch(/ErrorAccessDenied.*Mail\.Send/);
    expect(simulator.transport.journal.count).toBe(0);
  }

  test('given at Microsoft, the mail is sent at `queue retry`', async () => {
    simulator.tenant.exchangeApp(simulator.clientId).graphMailboxes = [];
    const bridge = await start();
    await heldFor(bridge, '<scope@contoso.com>');
    simulator.tenant.exchangeApp(simulator.clientId).graphMailboxes = 'all';
    const retry = Mailbridge.run(['queue', 'retry', '--all', '--config', folder.configFile]);
    expect((await retry.exit()).code, retry.stderr).toBe(0);
    await arrived(simulator, alice, 'INBOX', '<scope@contoso.com>');
    expect(simulator.transport.journal.count).toBe(1);
  });

  test('given at Microsoft, which only a new token knows of, the mail is sent at SIGHUP', async () => {
    simulator.tenant.app.roles.graph = [];
    const bridge = await start();
    await heldFor(bridge, '<consent@contoso.com>');
    simulator.tenant.app.roles.graph = ['Mail.Send'];
    bridge.signal('SIGHUP');
    await arrived(simulator, alice, 'INBOX', '<consent@contoso.com>');
    expect(simulator.transport.journal.count).toBe(1);
  });
});

describe('SIGHUP', () => {
  test('before the start is done is not lost: the configuration is read once more after it', async () => {
    const secretFile = join(folder.path, 'secret');
    await promisify(execFile)('mkfifo', [secretFile]);
    const config = contosoConfig(simulator);
    Object.assign(config.connections.contoso ?? {}, { clientSecret: { file: secretFile } });
    await folder.configure(config);
    const bridge = Mailbridge.run(['start', '--config', folder.configFile]);
    bridges.push(bridge);
    // It opens for writing once the bridge reads it.
    const first = await open(secretFile, 'w');
    bridge.signal('SIGHUP');
    await first.writeFile(simulator.clientSecret);
    await first.close();
    // Before that, the pipe may still be open from the first read.
    await bridge.line(({ msg }) => msg.startsWith('ready: '), 'the ready line');
    const again = await open(secretFile, 'w');
    await again.writeFile(simulator.clientSecret);
    await again.close();
    await bridge.line(({ msg }) => msg === 'configuration and certificates reloaded', 'the reload');
    expect(await send(bridge.port(), 'graph', '<early@contoso.com>')).toMatch(/^250 /);
    await arrived(simulator, alice, 'INBOX', '<early@contoso.com>');
  });

  test('rereads the certificate: new connections get the new one, open ones go on', async () => {
    const authority = await makeAuthority('e2e', 10);
    const files = { cert: join(folder.path, 'server.crt'), key: join(folder.path, 'server.key') };
    const renew = async () => {
      const { cert, key } = await issueServerCertificate(authority, ['127.0.0.1'], 10);
      await writeFile(files.cert, cert);
      await writeFile(files.key, key);
      return new X509Certificate(cert).fingerprint256;
    };
    const listeners: ConfigInput['listeners'] = [
      { protocol: 'smtp', port: 0, security: 'tls' },
      { protocol: 'smtp', port: 0, security: 'starttls' },
    ];
    await folder.configure(contosoConfig(simulator, { tls: files, listeners }));
    const first = await renew();
    const bridge = await start();
    expect(await certificateAt(bridge.port(0))).toBe(first);
    const open = await SmtpDialogue.open(bridge.port(1));
    await open.say('EHLO client.test');

    const second = await renew();
    bridge.signal('SIGHUP');
    await bridge.line(({ msg }) => msg === 'configuration and certificates reloaded', 'the reload');
    expect(await certificateAt(bridge.port(0))).toBe(second);
    expect(await open.say('NOOP')).toMatch(/^250 /);
    expect(await open.starttls()).toMatch(/^220 /);
    expect(await open.say('EHLO client.test')).toMatch(/^250/);
  });

  test('with a configuration that is wrong leaves the one in force', async () => {
    const bridge = await start();
    await writeFile(folder.configFile, '{', { mode: 0o600 });
    bridge.signal('SIGHUP');
    const line = await bridge.line(({ level }) => level >= 50, 'the refusal');
    expect(line.msg).toMatch(/^the configuration in force stays: .+ is not valid JSON: line 1/);
    expect(await send(bridge.port(), 'graph', '<stays@contoso.com>')).toMatch(/^250 /);
    await arrived(simulator, alice, 'INBOX', '<stays@contoso.com>');
  });

  test('takes up a new account', async () => {
    const bridge = await start();
    const config = contosoConfig(simulator);
    const [account] = config.accounts;
    expect(await send(bridge.port(), 'new', '<new@contoso.com>')).toMatch(/^5/);
    await folder.configure({ ...config, accounts: [...config.accounts, { ...account!, username: 'new' }] });
    bridge.signal('SIGHUP');
    await bridge.line(({ msg }) => msg === 'configuration and certificates reloaded', 'the reload');
    expect(await send(bridge.port(), 'new', '<new@contoso.com>')).toMatch(/^250 /);
    await arrived(simulator, alice, 'INBOX', '<new@contoso.com>');
  });
});

test('stopped while it asks for a token it calls that no error', async () => {
  simulator.faults.add({ target: 'entra', kind: 'delay', delayMs: 20_000 }, 10);
  const bridge = await start();
  await until('the token to be asked for', () => (simulator.faults.list()[0]?.remaining ?? 0) < 10);
  bridge.signal('SIGTERM');
  expect(await bridge.exit()).toEqual({ code: 0, signal: null });
  expect(bridge.lines.filter(({ level }) => level >= 40)).toEqual([]);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  'while it waits for PostgreSQL, %s ends it at once, in good order',
  async (name) => {
    const url = `postgres://mailbridge:x@127.0.0.1:${await freePorts()}/mail`;
    await folder.configure(contosoConfig(simulator, { queue: { store: 'postgres', postgres: { url } } }));
    const bridge = Mailbridge.run(['start', '--config', folder.configFile]);
    bridges.push(bridge);
    await bridge.line(({ code }) => code === 'queue-unreachable', 'the line that says so');
    const began = performance.now();
    bridge.signal(name);
    expect(await bridge.exit()).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(1_500);
    expect([bridge.stderr, bridge.lines.at(-1)]).toMatchObject([
      '',
      { msg: 'stopped before it was ready', signal: name },
    ]);
  },
);

test('with other endpoints in `cloud` it works against servers that are not the simulator', async () => {
  const authority = await makeAuthority('somebody else', 10);
  const other = await startOtherMicrosoft(await issueServerCertificate(authority, ['127.0.0.1'], 10));
  onTestFinished(() => other.close());
  await writeFile(join(folder.path, 'other-ca.pem'), authority.cert);
  const tenantId = '11111111-2222-3333-4444-555555555555';
  const clientId = '66666666-7777-8888-9999-000000000000';
  const { authority: login, graph, smtp } = other;
  await folder.configure(
    contosoConfig(simulator, {
      connections: {
        contoso: {
          ...{ grant: 'client-credentials', tenantId, clientId, clientSecret: 'their~secret' },
          cloud: { authority: login, graph, smtp, caFile: 'other-ca.pem' },
        },
      },
    }),
  );
  const bridge = await start();
  for (const courier of couriers)
    expect(await send(bridge.port(), courier, `<${courier}@contoso.com>`)).toMatch(/^250 /);
  for (const courier of couriers) {
    const taken = await until(`the message by ${courier}`, () => other.taken.find(({ via }) => via === courier));
    expect(taken.mailbox).toBe(reports);
    expect(taken.content.toString()).toMatch(
      new RegExp(
        `^X-Mailbridge-Id: [^\r]+\r\nReceived: [^]+\r\nFrom: ${reports}\r\nTo: ${alice}\r\nMessage-ID: <${courier}@contoso.com>\r\nDate: [^\r]+\r\n\r\ntext\r\n$`,
      ),
    );
    if (courier === 'smtp') expect(taken.recipients).toEqual([alice]);
  }
  expect(other.tokenRequests.map(({ scope }) => scope?.split(' ')[0]).toSorted()).toEqual([
    'https://graph.microsoft.com/.default',
    'https://outlook.office365.com/.default',
  ]);
  expect(other.tokenRequests[0]).toMatchObject({ client_id: clientId, client_secret: 'their~secret' });
  expect(simulator.transport.journal.count).toBe(0);
});

/** SHA-256 of the certificate that a TLS port presents. */
async function certificateAt(port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

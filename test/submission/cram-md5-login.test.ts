import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hashPassword } from '../../src/accounts/passwords.ts';
import { startBridge } from '../../src/app/bridge.ts';
import { openLog } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Client } from '../../src/listeners/listener.ts';
import { mechanismsOffered } from '../../src/reading/login.ts';
import { cramMd5Digest } from '../../src/sasl/cram-md5.ts';
import { type SubmissionContext, SubmissionSession } from '../../src/submission/session.ts';
import { contosoAccount, contosoConfig, password, type Relay, relayFolder, startContoso } from '../support/relay.ts';

let relay: Relay;
const log: string[] = [];
const protocols = ['smtp', 'imap', 'pop3'] as const;

beforeAll(async () => {
  const simulator = await startContoso();
  const folder = await relayFolder(
    contosoConfig(simulator, {
      listeners: [
        ...protocols.map((protocol) => ({ protocol, port: 0, security: 'none' as const, cramMd5: true })),
        ...protocols.map((protocol) => ({ protocol, port: 0 })),
      ],
      limits: { loginFailures: 1000, loginFailuresPerAddress: 1000 },
      accounts: [
        contosoAccount('graph', { username: 'scanner', read: 'imap' }),
        contosoAccount('graph', { username: 'hashed', read: 'imap', password: await hashPassword(password) }),
      ],
    }),
  );
  const { config } = await loadConfig(folder.configFile, { env: {} });
  const destination = new Writable({
    write(line, _encoding, done) {
      log.push(String(line));
      done();
    },
  });
  const bridge = await startBridge(config, { log: openLog({ level: 'info', format: 'json', destination }) });
  relay = {
    simulator,
    folder,
    bridge,
    port: (index = 0) => bridge.listeners[index]?.port ?? 0,
    async close() {
      await bridge.stop();
      await simulator.close();
      await folder.remove();
    },
  };
});

afterAll(() => relay?.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** How each protocol asks for CRAM-MD5, and what it replies. */
const dialogues = {
  smtp: {
    ask: 'AUTH CRAM-MD5',
    before: 'EHLO client.test',
    yes: /^235 /,
    no: /^535 5\.7\.8 Username or password is wrong/,
  },
  imap: {
    ask: 'a AUTHENTICATE CRAM-MD5',
    before: 'c CAPABILITY',
    yes: /^a OK /,
    no: /^a NO \[AUTHENTICATIONFAILED\] Username or password is wrong/,
  },
  pop3: { ask: 'AUTH CRAM-MD5', before: 'CAPA', yes: /^\+OK /, no: /^-ERR \[AUTH\] Username or password is wrong/ },
};

/** Logs in, and returns the server's reply to each line. */
async function logIn(protocol: (typeof protocols)[number], username: string, secret: string, plainListener = false) {
  const { ask, before } = dialogues[protocol];
  const socket = connect(relay.port(protocols.indexOf(protocol) + (plainListener ? 3 : 0)), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let received = '';
  const arrived = new Set<() => void>();
  socket.on('data', (chunk) => {
    received += chunk.toString();
    for (const wake of arrived) wake();
  });
  const until = async (pattern: RegExp) => {
    while (!pattern.test(received)) {
      await new Promise<void>((resolve) => arrived.add(resolve));
      arrived.clear();
    }
    const said = received;
    received = '';
    return said;
  };
  const end = /(?:^|\n)(?:\d{3} .*|c OK .*|\.|a .*|\+ .*|-ERR .*|\+OK .*)\r\n$/;
  await until(/\r\n$/);
  socket.write(`${before}\r\n`);
  const offered = await until(protocol === 'pop3' ? /\r\n\.\r\n$/ : end);
  socket.write(`${ask}\r\n`);
  const challenged = await until(end);
  const challenge = Buffer.from(/^(?:334|\+) (\S+)/.exec(challenged)?.[1] ?? '', 'base64');
  if (challenge.length === 0) return { offered, reply: challenged, challenge: '' };
  socket.write(`${base64(`${username} ${cramMd5Digest(challenge, secret)}`)}\r\n`);
  return { offered, reply: await until(end), challenge: challenge.toString() };
}

describe.each(protocols)('%s', (protocol) => {
  const { yes, no } = dialogues[protocol];

  test('a device that knows CRAM-MD5 alone logs in', async () => {
    const first = await logIn(protocol, 'scanner', password);
    expect(first.offered).toMatch(/(?:AUTH|SASL|AUTH=)[^\n]*CRAM-MD5/);
    expect(first.reply).toMatch(yes);
    const second = await logIn(protocol, 'SCANNER', 'falsch');
    expect(second.reply).toMatch(no);
    expect(second.challenge).not.toBe(first.challenge);
  });

  test('a wrong password, an unknown user and an account with a hash are refused alike; the log says why', async () => {
    log.length = 0;
    expect((await logIn(protocol, 'scanner', 'falsch')).reply).toMatch(no);
    expect((await logIn(protocol, 'nobody', password)).reply).toMatch(no);
    expect(log.join('')).not.toContain('login-password-hashed');
    expect((await logIn(protocol, 'hashed', password)).reply).toMatch(no);
    const line = log.find((each) => each.includes('login refused') && each.includes('"hashed"')) ?? '';
    expect(JSON.parse(line).error).toMatchObject({ code: 'login-password-hashed' });
  });

  test('it is not offered where the listener does not say so', async () => {
    const { offered, reply } = await logIn(protocol, 'scanner', password, true);
    expect(offered).not.toContain('CRAM-MD5');
    expect(reply).toMatch(/^(?:504 |a NO \[CANNOT\]|-ERR This mechanism)/);
  });
});

describe('from another machine, without TLS', () => {
  const remoteAddress = '192.0.2.1';

  test('it is offered alone by IMAP and POP3', () => {
    const offered = (cramMd5: boolean) =>
      mechanismsOffered({ remoteAddress } as Client, false, { allowInsecureAuth: false, cramMd5 });
    expect(offered(true)).toEqual(['CRAM-MD5']);
    expect(offered(false)).toEqual([]);
  });

  test('it is offered alone by SMTP', () => {
    const context = { accountByNetwork: () => undefined, allowInsecureAuth: false } as Partial<SubmissionContext>;
    const connection = {
      id: 'x',
      remoteAddress,
      localPort: 25,
      secure: false,
      helo: '',
      transmissionType: 'ESMTP',
      abort() {},
    };
    const session = new SubmissionSession(connection, context as SubmissionContext);
    expect((['PLAIN', 'LOGIN', 'CRAM-MD5'] as const).map((name) => session.offersAuth(name))).toEqual([
      false,
      false,
      true,
    ]);
  });
});

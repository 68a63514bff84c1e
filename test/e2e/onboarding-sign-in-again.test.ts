import { connect } from 'node:net';
import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { signInAtDevicePage } from '../simulator/entra-browser.ts';
import { alice, init, type OnboardingWorld, onboardingWorld, shownCode } from '../support/onboarding-world.ts';
import type { Mailbridge } from '../support/process.ts';
import { arrived, until } from '../support/relay.ts';
import { play } from '../support/transcript.ts';

type Login = Awaited<ReturnType<typeof init>>;

/** A connection that acts for alice, registered and with the script run, but without a sign-in. */
async function personWorld() {
  const world = await onboardingWorld();
  const login = await init(world, { use: 'both', mailbox: alice, 'sign-in': 'person', send: 'smtp' });
  await world.succeed(['register-app'], async (running) => {
    await signInAtDevicePage(world.m365, await shownCode(running), `admin@${world.m365.tenantDomain}`);
  });
  // Waiting mail is tried again at once.
  world.changeConfig((config) => ({ ...config, queue: { retryBaseSeconds: 1, retryMaxSeconds: 1 } }));
  return { world, login };
}

const logIn = (world: OnboardingWorld) =>
  world.succeed(['login', '--no-check'], async (running) => {
    await signInAtDevicePage(world.m365, await shownCode(running), alice);
  });

async function dialogue(port: number, script: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await play(socket, script);
  } finally {
    socket.destroy();
  }
}

const imap = (bridge: Mailbridge, { username, password }: Login, reply: string) =>
  dialogue(bridge.port(1), `S: * OK …\nC: a LOGIN ${username} "${password}"\nS: a ${reply}`);

const pop3 = (bridge: Mailbridge, { username, password }: Login, reply: string) =>
  dialogue(bridge.port(2), `S: +OK…\nC: USER ${username}\nS: +OK…\nC: PASS ${password}\nS: ${reply}`);

async function submit(bridge: Mailbridge, { username, password }: Login, subject: string): Promise<void> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: bridge.port(0),
    ignoreTLS: true,
    auth: { user: username, pass: password },
  });
  await transport.sendMail({ from: alice, to: alice, subject, text: 'Hello.\n' });
  transport.close();
}

/** Clients are let in again, and the waiting mail has arrived. */
async function goesOn(world: OnboardingWorld, bridge: Mailbridge, login: Login, subject: string): Promise<void> {
  await until('the IMAP login', () =>
    imap(bridge, login, 'OK …').then(
      () => true,
      () => undefined,
    ),
  );
  await pop3(bridge, login, '+OK…');
  await arrived(world.m365, alice, 'INBOX', subject);
}

test('nobody has signed in: start and clients say so, and a login elsewhere is enough', {
  timeout: 120_000,
}, async () => {
  const { world, login } = await personWorld();
  const bridge = await world.start();
  const { msg } = await bridge.line(({ msg }) => msg.includes('could not get a token'), 'the line about the sign-in');
  expect(msg).toContain('nobody has signed in yet');
  expect(msg).toContain('mailbridge login contoso');
  await imap(bridge, login, 'NO [ALERT] Connection "contoso" could not get a token: nobody has signed in yet.');
  await pop3(bridge, login, '-ERR [SYS/PERM] Connection "contoso" could not get a token: nobody has signed in yet.');
  await submit(bridge, login, 'waits for a sign-in');
  await logIn(world);
  await goesOn(world, bridge, login, 'waits for a sign-in');
});

test('a sign-in that was ended: clients say so, the log says what to do, and a login elsewhere is enough', {
  timeout: 120_000,
}, async () => {
  const { world, login } = await personWorld();
  // Shorter than what counts as good enough: every use renews it.
  world.m365.tenant.tokenLifetimeSeconds = 60;
  await logIn(world);
  world.m365.tenant.endSignIns(world.m365.tenant.users.get(alice)!);
  const bridge = await world.start();
  const { msg } = await bridge.line(({ msg }) => msg.includes('could not get a token'), 'the line about the sign-in');
  expect(msg).toMatch(/The sign-in of alice@contoso\.example for connection "contoso" ended at .*AADSTS50173/);
  expect(msg).toContain('mailbridge login contoso');
  await imap(bridge, login, 'NO [ALERT] The sign-in of alice@contoso.example for connection "contoso" ended at …');
  await pop3(bridge, login, '-ERR [SYS/PERM] The sign-in of alice@contoso.example for connection "contoso" ended at …');
  await submit(bridge, login, 'waits for a new sign-in');
  const { code, stdout } = await world.run(['check']);
  expect([code, stdout]).toEqual([1, expect.stringContaining('→ Sign in: mailbridge login contoso')]);
  world.m365.tenant.tokenLifetimeSeconds = 3600;
  await logIn(world);
  await goesOn(world, bridge, login, 'waits for a new sign-in');
});

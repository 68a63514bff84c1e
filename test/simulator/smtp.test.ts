import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { encodeXoauth2 } from '../../src/sasl/xoauth2.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { afterTest, type Microsoft365, message, microsoft365 } from './harness.ts';

const reports = 'reports@contoso.example';

interface MailEnvelope {
  readonly from: string | false;
  readonly to: readonly string[];
  readonly dsn?: object;
}

interface ClientOptions {
  readonly token?: string;
  readonly user?: string;
  readonly auth?: object | null;
}

/** A third-party mail client: nodemailer with XOAUTH2. */
async function client(m365: Microsoft365, options: ClientOptions = {}) {
  const accessToken = options.token ?? (await m365.token('exchange'));
  const auth = options.auth ?? { type: 'OAuth2', user: options.user ?? reports, accessToken };
  const transport = createTransport({
    host: m365.endpoints.smtp.host,
    port: m365.endpoints.smtp.port,
    secure: false,
    requireTLS: true,
    pool: true,
    maxConnections: 1,
    maxRequeues: 0,
    tls: { ca: m365.ca },
    ...(options.auth === null ? {} : { auth }),
  } as never);
  afterTest(async () => transport.close());
  const toAlice: MailEnvelope = { from: reports, to: ['alice@contoso.example'] };
  const send = (raw: string | Buffer, envelope: MailEnvelope = toAlice) =>
    transport.sendMail({ envelope: envelope as never, raw });
  return Object.assign(send, { close: () => transport.close() });
}

const hello = message(
  {
    From: reports,
    To: 'alice@contoso.example',
    'Message-ID': '<1@x.example>',
    Date: 'Sat, 21 Nov 2026 10:00:00 +0000',
  },
  'Hi.\r\n..dots\r\n',
);

const inbox = (m365: Microsoft365, address: string, folder = 'INBOX') =>
  m365.directory.messages(address, folder).map(({ content }) => content.toString('latin1'));

/** The reply that refused it. */
async function replyTo(sending: Promise<unknown>): Promise<string> {
  const error = (await sending.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  )) as Error & { response?: string };
  return error.response ?? error.message;
}

test('nodemailer logs in by XOAUTH2 and the message arrives byte for byte, with a copy in Sent Items', async () => {
  const m365 = await microsoft365();
  const send = await client(m365);
  const result = await send(hello);
  expect(result.response).toMatch(/^250 2\.0\.0 OK <[^>]+@[^>]+> \[Hostname=[^\]]+\]$/);
  expect(inbox(m365, 'alice@contoso.example')).toEqual([hello]);
  expect(inbox(m365, reports, 'Sent Items')).toEqual([hello]);
  expect(m365.transport.journal.entries()).toMatchObject([
    { via: 'smtp', mailbox: reports, messageId: '<1@x.example>', recipients: ['alice@contoso.example'] },
  ]);
});

test.each(['a\nb', 'a\n.\nb', 'a\rb', 'a\r\r\nb'])(
  'a message with %j is refused, and the session goes on',
  async (text) => {
    const m365 = await microsoft365();
    const dialogue = await SmtpDialogue.open(m365.endpoints.smtp.port);
    await dialogue.say('EHLO x');
    await dialogue.starttls();
    await dialogue.say('EHLO x');
    const login = encodeXoauth2({ username: reports, accessToken: await m365.token('exchange') });
    expect(await dialogue.say(`AUTH XOAUTH2 ${login.toString('base64')}`)).toMatch(/^235 /);
    const transaction = [`MAIL FROM:<${reports}>`, 'RCPT TO:<alice@contoso.example>'];
    await dialogue.pipeline(...transaction);
    expect(await dialogue.message(hello.replace('Hi.', text))).toMatch(
      /^550 5\.6\.11 SMTPSEND\.BareLinefeedsAreIllegal/,
    );
    await dialogue.pipeline(...transaction);
    expect(await dialogue.message(hello)).toMatch(/^250 /);
    expect(inbox(m365, 'alice@contoso.example')).toEqual([hello]);
  },
);

test('the envelope decides who gets it, not the header', async () => {
  const m365 = await microsoft365();
  const send = await client(m365);
  await send(hello, { from: reports, to: ['bob@contoso.example', 'far@fabrikam.example'] });
  expect(inbox(m365, 'alice@contoso.example')).toEqual([]);
  expect(inbox(m365, 'bob@contoso.example')).toEqual([hello]);
  expect(m365.transport.outbox.entries()).toMatchObject([{ via: 'smtp', recipients: ['far@fabrikam.example'] }]);
});

test('what it refuses at AUTH: a bad token, another audience, no such mailbox, no service principal, no role', async () => {
  const m365 = await microsoft365();
  const refused = /^535 5\.7\.3 Authentication unsuccessful \[SIMULATOR/;
  const attempt = async (options: ClientOptions) => replyTo((await client(m365, options))(hello));
  expect(await attempt({ token: 'rubbish' })).toMatch(refused);
  expect(await attempt({ token: await m365.token('graph') })).toMatch(refused);
  expect(await attempt({ user: 'nobody@contoso.example' })).toMatch(refused);
  await m365.control('PATCH', '/state', { servicePrincipalRegistered: false });
  expect(await attempt({})).toMatch(refused);
  await m365.control('PATCH', '/state', { servicePrincipalRegistered: true, exchangeRoles: ['IMAP.AccessAsApp'] });
  expect(await attempt({})).toMatch(refused);
  await m365.control('PATCH', '/state', { exchangeRoles: ['SMTP.SendAsApp'], tokenLifetimeSeconds: -5 });
  expect(await attempt({})).toMatch(refused);
  await m365.control('PATCH', '/state', { tokenLifetimeSeconds: 3600 });
  expect((await (await client(m365))(hello)).response).toMatch(/^250/);
});

test('an app with the permission of Entra ID and none on the mailbox logs in, and is told after DATA', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { mailboxPermissions: ['alice@contoso.example'] });
  expect(await replyTo((await client(m365))(hello))).toMatch(/^430 4\.2\.0 STOREDRV; mailbox logon failure; /);
  await m365.control('PATCH', '/state', { mailboxPermissions: [reports] });
  expect((await (await client(m365))(hello)).response).toMatch(/^250/);
});

test('an app may send as others where SendAs was given to its service principal', async () => {
  const m365 = await microsoft365();
  const send = await client(m365, { user: 'bob@contoso.example' });
  expect(await replyTo(send(hello))).toMatch(/^550 5\.7\.60 /);
  m365.tenant.exchangeApp(m365.clientId).sendAs = [reports];
  expect((await send(hello)).response).toMatch(/^250/);
});

test('the RBAC role alone is enough for the mailboxes in its scope', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { exchangeRoles: [], smtpRbac: ['Reports@contoso.example'] });
  expect((await (await client(m365))(hello)).response).toMatch(/^250/);
  expect(await replyTo((await client(m365, { user: 'alice@contoso.example' }))(hello))).toMatch(/^535 5\.7\.3 /);
});

test('a person’s token opens that person’s mailbox alone', async () => {
  const m365 = await microsoft365();
  const claims = { aud: 'https://outlook.office.com', appid: m365.clientId, oid: 'x', scp: 'SMTP.Send', upn: reports };
  const token = await m365.signer.issue(claims, 600);
  expect((await (await client(m365, { token }))(hello)).response).toMatch(/^250/);
  expect(await replyTo((await client(m365, { token, user: 'alice@contoso.example' }))(hello))).toMatch(/^535 5\.7\.3 /);
});

test('a person’s token and user= a shared mailbox: 535; user= the person and MAIL FROM the shared one: SendAs counts', async () => {
  const m365 = await microsoft365();
  const alice = 'alice@contoso.example';
  const token = await m365.signer.issue(
    { aud: 'https://outlook.office.com', appid: m365.clientId, oid: 'x', scp: 'SMTP.Send', upn: alice },
    600,
  );
  const rights = { fullAccess: [{ user: alice, mailbox: reports }], sendAs: [{ mailbox: alice, as: reports }] };
  await m365.control('PATCH', '/state', rights);
  expect(await replyTo((await client(m365, { token, user: reports }))(hello))).toMatch(/^535 5\.7\.3 /);
  const send = await client(m365, { token, user: alice });
  expect((await send(hello)).response).toMatch(/^250/);
  await m365.control('PATCH', '/state', { ...rights, sendAs: [] });
  expect(await replyTo(send(hello))).toMatch(/^550 5\.7\.60 /);
});

test('SMTP AUTH switched off: for the tenant, on again for one mailbox, off for one mailbox', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { smtpAuthDisabled: true });
  expect(await replyTo((await client(m365))(hello))).toMatch(
    /^535 5\.7\.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant\. Visit https:\/\/aka\.ms\/smtp_auth_disabled/,
  );
  await m365.control('PATCH', '/state', { smtpAuthEnabledFor: [reports] });
  expect((await (await client(m365))(hello)).response).toMatch(/^250/);
  await m365.control('PATCH', '/state', { smtpAuthDisabledFor: [reports] });
  expect(await replyTo((await client(m365))(hello))).toMatch(/^535 5\.7\.139 .* disabled for the Mailbox/);
});

test('a password is refused whatever it is', async () => {
  const m365 = await microsoft365();
  const send = await client(m365, { auth: { user: reports, pass: 'secret' } });
  expect(await replyTo(send(hello))).toMatch(/^535 5\.7\.139 .*basic authentication is disabled/);
});

test('MAIL without AUTH is refused', async () => {
  const m365 = await microsoft365();
  const send = await client(m365, { auth: null });
  expect(await replyTo(send(hello))).toMatch(
    /^530 5\.7\.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM$/,
  );
});

test('sending as somebody else is refused at the end of DATA, until SendAs is granted', async () => {
  const m365 = await microsoft365();
  const send = await client(m365);
  const asBob = hello.replace(`From: ${reports}`, 'From: Bob <bob@contoso.example>');
  const envelope = { from: 'bob@contoso.example', to: ['alice@contoso.example'] };
  expect(await replyTo(send(hello, envelope))).toMatch(
    /^550 5\.7\.60 SMTP; Client does not have permissions to send as this sender/,
  );
  expect(await replyTo(send(asBob))).toMatch(
    /^554 5\.2\.252 SendAsDenied; reports@contoso\.example not allowed to send as bob@contoso\.example; STOREDRV\.Submission/,
  );
  expect(await replyTo(send(hello.replace(/From: .*\r\n/, '')))).toMatch(/^550 5\.7\.512 /);
  expect(inbox(m365, 'alice@contoso.example')).toEqual([]);
  await m365.control('PATCH', '/state', { sendAs: [{ mailbox: reports, as: 'bob@contoso.example' }] });
  expect((await send(asBob, envelope)).response).toMatch(/^250/);
});

test('a report with the null reverse-path is sent, and nobody is told if it fails', async () => {
  const m365 = await microsoft365();
  const send = await client(m365);
  expect((await send(hello, { from: false, to: ['nobody@contoso.example'] })).response).toMatch(/^250/);
  expect(inbox(m365, reports)).toEqual([]);
});

test('a recipient nobody knows comes back to the reverse-path, unless NOTIFY says otherwise', async () => {
  const m365 = await microsoft365();
  const send = await client(m365);
  await send(hello, { from: reports, to: ['nobody@contoso.example'], dsn: { notify: 'never' } });
  expect(inbox(m365, reports)).toEqual([]);
  await send(hello, { from: reports, to: ['nobody@contoso.example'] });
  expect(inbox(m365, reports)).toEqual([expect.stringContaining('Status: 5.1.10')]);
});

test('the fourth connection to one mailbox is told so after DATA; when another leaves it may send', async () => {
  const m365 = await microsoft365();
  const sends: Awaited<ReturnType<typeof client>>[] = [];
  for (let i = 0; i < 4; i++) sends.push(await client(m365));
  for (const send of sends.slice(0, 3)) expect((await send(hello)).response).toMatch(/^250/);
  expect(await replyTo(sends[3]!(hello))).toMatch(
    /^432 4\.3\.2 Concurrent connections limit exceeded\. Visit https:\/\/aka\.ms\/concurrent_sending/,
  );
  expect(m365.transport.journal.count).toBe(3);
  sends[0]?.close();
  await expect.poll(() => replyTo(sends[3]!(hello))).toBe('it was accepted');
});

test('staged replies at AUTH, MAIL, RCPT and DATA', async () => {
  const m365 = await microsoft365();
  const stage = (fault: object) => m365.control('POST', '/faults', { target: 'smtp', kind: 'reply', ...fault });
  await stage({ at: 'auth', status: 454, code: '4.7.0', text: 'Temporary authentication failure' });
  expect(await replyTo((await client(m365))(hello))).toBe('454 4.7.0 Temporary authentication failure');
  const send = await client(m365);
  await stage({ at: 'mail', status: 451, code: '4.7.500', text: 'Server busy' });
  expect(await replyTo(send(hello))).toBe('451 4.7.500 Server busy');
  await stage({ at: 'rcpt', status: 550, code: '5.1.1', text: 'No such user' });
  expect(await send(hello, { from: reports, to: ['alice@contoso.example', 'bob@contoso.example'] })).toMatchObject({
    accepted: ['bob@contoso.example'],
    rejected: ['alice@contoso.example'],
  });
  await stage({ status: 554, code: '5.2.0', text: 'SubmissionQuotaExceededException', mailbox: reports });
  expect(await replyTo(send(hello))).toBe('554 5.2.0 SubmissionQuotaExceededException');
  expect((await send(hello)).response).toMatch(/^250/);
  expect(m365.transport.journal.count).toBe(2);
});

test('staged: cut before acceptance nothing is sent, cut after it the message is; cut at connect', async () => {
  const m365 = await microsoft365();
  const stage = (fault: object) => m365.control('POST', '/faults', { target: 'smtp', ...fault });
  await stage({ kind: 'cut-before' });
  expect(await replyTo((await client(m365))(hello))).toMatch(/closed|ECONNRESET|hang up/i);
  expect(m365.transport.journal.count).toBe(0);
  await stage({ kind: 'cut-after' });
  expect(await replyTo((await client(m365))(hello))).toMatch(/closed|ECONNRESET|hang up/i);
  expect(m365.transport.journal.count).toBe(1);
  await stage({ kind: 'cut-before', at: 'connect' });
  expect(await replyTo((await client(m365))(hello))).toMatch(/closed|ECONNRESET|hang up|greeting/i);
  await stage({ kind: 'reply', at: 'connect', status: 421, code: '4.3.2', text: 'Come back later' });
  expect(await replyTo((await client(m365))(hello))).toContain('421 4.3.2 Come back later');
  expect((await (await client(m365))(hello)).response).toMatch(/^250/);
});

test('the greeting and EHLO look like Exchange: no AUTH before TLS, LOGIN and XOAUTH2 after', async () => {
  const m365 = await microsoft365();
  const { connect } = await import('node:net');
  const socket = connect(m365.endpoints.smtp.port, '127.0.0.1');
  afterTest(async () => void socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
    if (text.endsWith('\r\n') && text.split('\r\n').length === 2) socket.write('EHLO x.example\r\n');
  });
  await expect.poll(() => text).toMatch(/250 [^\r\n]*\r\n$/);
  expect(text).toMatch(/^220 [^\r\n]*Microsoft ESMTP MAIL Service ready/);
  expect(text).toContain('STARTTLS');
  expect(text).toContain('SIZE 157286400');
  expect(text).not.toContain('AUTH');
});

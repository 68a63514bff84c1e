import { expect, onTestFinished, test, vi } from 'vitest';
import { type SmtpSessionOptions, UpstreamSmtpSession } from '../../../src/exchange/smtp/session.ts';
import type { SmtpTransaction } from '../../../src/exchange/smtp/transaction.ts';
import { type Script, scriptedSmtp } from '../../couriers/scripted-smtp.ts';

const patience = new AbortController().signal;

async function open(script?: Script, options: Partial<SmtpSessionOptions> = {}) {
  const server = await scriptedSmtp(script);
  onTestFinished(() => server.close());
  const endpoint = { host: '127.0.0.1', port: server.port, security: 'none' } as const;
  const session = UpstreamSmtpSession.open({ endpoint, ...options }, { mailbox: 'a@b.c', token: 'token-1' }, patience);
  onTestFinished(async () => (await session.catch(() => undefined))?.close());
  return { server, session };
}

function transaction(changes: Partial<SmtpTransaction> = {}): SmtpTransaction {
  const content = Buffer.from('Subject: x\r\n\r\nhello\r\n');
  return {
    reversePath: 'a@b.c',
    recipients: [{ address: 'to@b.c' }],
    smtpUtf8: false,
    message: {
      size: content.length,
      open: async function* () {
        yield content;
      },
    },
    leadingField: async (taken) => `X-Taken: ${taken.length}\r\n`,
    ...changes,
  };
}

const verbs = (lines: readonly string[]) => lines.map((line) => line.split(/[ :]/)[0]);

test('says the name it was given, and knows what the server offers', async () => {
  const { server, session } = await open(undefined, { clientName: 'bridge.example' });
  const opened = await session;
  expect(server.lines[0]).toBe('EHLO bridge.example');
  expect([opened.offers('DSN'), opened.offers('CHUNKING'), opened.mailbox]).toEqual([true, false, 'a@b.c']);
});

test('does not log in where XOAUTH2 is not on offer', async () => {
  const { server, session } = await open((step) => (step === 'EHLO' ? '250-scripted\r\n250 AUTH LOGIN' : undefined));
  await expect(session).rejects.toMatchObject({ name: 'SmtpUpstreamError', stage: 'login' });
  expect(server.lines.join()).not.toContain('AUTH');
});

test('answers an error challenge with an empty line, and the refusal counts', async () => {
  const { server, session } = await open((step, { line }) => {
    if (step !== 'AUTH') return undefined;
    return line === '' ? '535 5.7.3 Authentication unsuccessful' : '334 eyJzdGF0dXMiOiI0MDAifQ==';
  });
  await expect(session).rejects.toMatchObject({ stage: 'login' });
  expect(verbs(server.lines).slice(0, 2)).toEqual(['EHLO', 'AUTH']);
});

test('sends message after message without a reset between them', async () => {
  const { server, session } = await open();
  const opened = await session;
  for (let n = 0; n < 2; n++) {
    const { response, serverMessageId, refused } = await opened.send(transaction(), patience);
    expect(response).toMatchObject({ code: 250, enhanced: '2.0.0' });
    expect(serverMessageId).toBe('<id-1@scripted.prod.outlook.com>');
    expect(refused.size).toBe(0);
  }
  expect(verbs(server.lines)).toEqual(['EHLO', 'AUTH', 'MAIL', 'RCPT', 'DATA', 'MAIL', 'RCPT', 'DATA']);
  expect(opened.transactions).toBe(2);
});

test('resets what was refused before it goes on', async () => {
  let refuse = true;
  const { server, session } = await open((step) => {
    if (!refuse) return undefined;
    return { RCPT: '550 5.1.1 No such user', DATA: '503 5.5.1 No recipients' }[step as string];
  });
  const opened = await session;
  const first = await opened.send(transaction(), patience);
  expect(first.response).toBeUndefined();
  expect(first.refused.get('to@b.c')).toMatchObject({ code: 550, enhanced: '5.1.1', text: 'No such user' });
  refuse = false;
  expect((await opened.send(transaction(), patience)).response).toMatchObject({ code: 250 });
  expect(verbs(server.lines).slice(2)).toEqual(expect.arrayContaining(['MAIL', 'RCPT', 'RSET', 'DATA']));
  expect(server.messages).toHaveLength(1);
});

test('a message says whom it is for: those whom the server has taken', async () => {
  const { server, session } = await open((step, { line }) =>
    step === 'RCPT' && line.includes('bad@') ? '550 5.1.1 No such user' : undefined,
  );
  const recipients = [{ address: 'good@b.c' }, { address: 'bad@b.c' }] as const;
  await (await session).send(transaction({ recipients }), patience);
  expect(server.messages[0]?.toString()).toBe('X-Taken: 1\r\nSubject: x\r\n\r\nhello\r\n');
});

test('tells SMTPUTF8 and DSN wishes to a server that offers them, and the size with the field', async () => {
  const { server, session } = await open();
  const recipients = [{ address: 'to@b.c', dsn: { notify: ['FAILURE'] as const, orcpt: 'rfc822;o@b.c' } }] as const;
  const dsn = { ret: 'HDRS', envid: 'e1' } as const;
  await (await session).send(transaction({ smtpUtf8: true, recipients, dsn }), patience);
  const [mail = '', rcpt] = server.lines.slice(2);
  expect(mail).toMatch(/^MAIL FROM:<a@b\.c> /);
  expect(mail.split(' ').slice(1).toSorted()).toEqual(
    ['BODY=8BITMIME', 'ENVID=e1', 'FROM:<a@b.c>', 'RET=HDRS', 'SIZE=33', 'SMTPUTF8'].toSorted(),
  );
  expect(rcpt).toBe('RCPT TO:<to@b.c> NOTIFY=FAILURE ORCPT=rfc822;o@b.c');
});

test('keeps them from a server that does not', async () => {
  const { server, session } = await open((step) => (step === 'EHLO' ? '250-scripted\r\n250 AUTH XOAUTH2' : undefined));
  const recipients = [{ address: 'to@b.c', dsn: { notify: ['FAILURE'] as const } }] as const;
  await (await session).send(transaction({ smtpUtf8: true, recipients, dsn: { ret: 'FULL' } }), patience);
  expect(server.lines.slice(2, 4)).toEqual(['MAIL FROM:<a@b.c>', 'RCPT TO:<to@b.c>']);
});

test('the null reverse-path is empty', async () => {
  const { server, session } = await open();
  await (await session).send(transaction({ reversePath: '' }), patience);
  expect(server.lines[2]).toMatch(/^MAIL FROM:<>/);
});

test('a message that is shorter or longer than it should be never comes to its end', async () => {
  for (const size of [3, 300]) {
    const { server, session } = await open();
    const { message } = transaction();
    const failed = (await session).send(transaction({ message: { ...message, size } }), patience);
    await expect(failed).rejects.toMatchObject({ name: 'SmtpUpstreamError', stage: 'data' });
    expect(server.messages).toEqual([]);
    expect((await session).usable).toBe(false);
  }
});

test('takes its leave, and is gone then; a second time there is nothing to leave', async () => {
  const { server, session } = await open();
  const opened = await session;
  await opened.quit();
  expect(server.lines.at(-1)).toBe('QUIT');
  expect(opened.usable).toBe(false);
  await opened.quit();
  expect(server.lines.filter((line) => line === 'QUIT')).toHaveLength(1);
});

test('leaves a server that does not answer QUIT', async () => {
  const { session } = await open((step) => (step === 'QUIT' ? 'silence' : undefined));
  const opened = await session;
  await opened.quit();
  expect(opened.usable).toBe(false);
});

test('a server that resets the idle connection makes it unusable, and nothing worse', async () => {
  const { server, session } = await open();
  const opened = await session;
  for (const socket of server.open) socket.resetAndDestroy();
  await vi.waitFor(() => expect(opened.usable).toBe(false));
  await expect(opened.send(transaction(), patience)).rejects.toMatchObject({ name: 'SmtpUpstreamError' });
});

test.each([
  ['70,000 octets is too long, and fails the message', 70_000, 'rejects'],
  ['60,000 octets is taken', 60_000, 'resolves'],
] as const)('a reply of %s', async (_, octets, ends) => {
  const lines = Array.from({ length: octets / 100 }, () => `250-${'x'.repeat(94)}\r\n`).join('');
  const { session } = await open((step) => (step === 'MAIL' ? `${lines}250 2.1.0 Sender OK` : undefined));
  const sent = (await session).send(transaction(), patience);
  if (ends === 'resolves') await expect(sent).resolves.toMatchObject({ response: { code: 250 } });
  else await expect(sent).rejects.toMatchObject({ name: 'SmtpUpstreamError', stage: 'envelope' });
});

test('a server that falls silent is given up after the time set', async () => {
  const { session } = await open((step) => (step === 'MAIL' ? 'silence' : undefined), { silenceTimeoutMs: 200 });
  await expect((await session).send(transaction(), patience)).rejects.toMatchObject({
    stage: 'envelope',
    aborted: false,
  });
});

test('a server that never greets is given up after the time set', async () => {
  const { session } = await open((step) => (step === 'connect' ? 'silence' : undefined), { connectTimeoutMs: 200 });
  await expect(session).rejects.toMatchObject({ stage: 'connect' });
});

test('a 421 to a recipient fails the transaction, whatever was said of others', async () => {
  const { session } = await open((step) => (step === 'RCPT' ? '421 4.3.2 Service not available' : undefined));
  await expect((await session).send(transaction(), patience)).rejects.toMatchObject({
    name: 'SmtpUpstreamError',
    reply: { code: 421 },
  });
});

test('an attempt that is given up says so', async () => {
  const gone = new AbortController();
  const { session } = await open((step) => {
    if (step === 'MAIL') queueMicrotask(() => gone.abort());
    return step === 'MAIL' ? 'silence' : undefined;
  });
  await expect((await session).send(transaction(), gone.signal)).rejects.toMatchObject({
    message: 'The attempt was given up.',
    stage: 'envelope',
    aborted: true,
  });
});

test('a session that is closed meanwhile has no reply: the last one was to something else', async () => {
  const { session } = await open((step) => (step === 'MAIL' ? 'silence' : undefined));
  const opened = await session;
  const sent = opened.send(transaction(), patience);
  setImmediate(() => opened.close());
  await expect(sent).rejects.toMatchObject({ message: 'The server closed the connection.', reply: undefined });
});

test('MAIL FROM carries no blank for parameters that are not there', async () => {
  const { server, session } = await open();
  await (await session).send(transaction({ smtpUtf8: true }), patience);
  expect(server.lines.find((line) => line.startsWith('MAIL FROM'))).toMatch(/^MAIL FROM:<a@b\.c>.* SMTPUTF8$/);
});

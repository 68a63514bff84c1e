import { expect, onTestFinished, test } from 'vitest';
import { SmtpSession } from '../../src/exchange/smtp-session.ts';
import { scriptedServer } from '../support/scripted-server.ts';

const untilLogin = `
  S: 220 outlook.test
  C: EHLO …
  S: 250-outlook.test\\r\\n250 AUTH LOGIN XOAUTH2
  C: AUTH XOAUTH2 …`;

async function logIn(server: { readonly port: number }, mailbox: string, token: string) {
  const endpoint = { host: '127.0.0.1', port: server.port, security: 'none' } as const;
  const session = await SmtpSession.open({ endpoint }, { mailbox, token }, AbortSignal.timeout(30_000));
  onTestFinished(() => session.close());
}

test('the token of a mailbox reaches the server as XOAUTH2', async () => {
  const server = await scriptedServer([`${untilLogin}\nS: 235 welcome`]);
  onTestFinished(() => server.close());
  await logIn(server, 'test@contoso.onmicrosoft.com', 'EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA');
  expect(server.received.at(-1)).toBe(
    'AUTH XOAUTH2 dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ==',
  );
});

test.each([
  ['mailbox', 'a@contoso.com\x01auth=Bearer stolen', 'token'],
  ['token', 'a@contoso.com', 'token\x01user=b@contoso.com'],
])('a %s that holds the separator of XOAUTH2 is not sent', async (_, mailbox, token) => {
  const server = await scriptedServer([untilLogin]);
  onTestFinished(() => server.close());
  await expect(logIn(server, mailbox, token)).rejects.toMatchObject({ stage: 'login' });
  expect(server.received.join(' ')).not.toContain('AUTH');
});

import { describe, expect, it } from 'vitest';
import { refusalError } from '../../../src/exchange/reading/connect-refusal.ts';

const refusal = (said: string, atLogin = true) => refusalError({ mailbox: 'a@b.c', said, atLogin });

describe('what a server says when it lets nobody in', () => {
  it.each([
    ['User is authenticated but not connected.', 'Microsoft 365 accepted the token but did not open a@b.c: '],
    ['user is AUTHENTICATED BUT NOT connected', 'Microsoft 365 accepted the token but did not open a@b.c: '],
  ])('has no right to the mailbox: %s', (said, text) => {
    expect(refusal(said)).toMatchObject({ code: 'mailbox-not-connected', message: `${text}${said}` });
  });

  it.each([
    'Too Many connections',
    'CONCURRENT sessions',
    'Connection limit reached',
    'The connection count is over',
    'Request is Throttled',
    'Suggested Backoff Time: 1 ms',
  ])('has too many connections: %s', (said) => {
    const message = `Microsoft 365 refuses further connections to a@b.c: ${said}`;
    expect(refusal(said)).toMatchObject({ code: 'mailbox-connections-exceeded', message });
    expect(refusal(said, false).code).toBe('mailbox-connections-exceeded');
  });

  it.each([
    '[UNAVAILABLE] x',
    '[sys/temp] x',
    '[LIMIT] x',
    '[INUSE] x',
    '[IN-USE] x',
    '[LOGIN-DELAY] x',
    'Temporarily out of order',
    'Server Unavailable. 15',
    'Please Try Again later',
    'Server busy',
    'BYE x',
  ])('is a passing trouble: %s', (said) => {
    const message = `Microsoft 365 does not serve a@b.c now: ${said}`;
    expect(refusal(said)).toMatchObject({ code: 'mailbox-login-unavailable', message });
  });

  it('is lasting where nothing says otherwise, and passing before the login', () => {
    expect(refusal('AUTHENTICATE failed.')).toMatchObject({
      code: 'mailbox-login-refused',
      message: 'Microsoft 365 does not let the bridge into a@b.c: AUTHENTICATE failed.',
      details: { mailbox: 'a@b.c', said: 'AUTHENTICATE failed.' },
    });
    expect(refusal('no', false).code).toBe('mailbox-login-unavailable');
    // Words inside other words.
    expect(refusal('goodBYEs').code).toBe('mailbox-login-refused');
  });

  it('comes on one line of bounded length, with the server it came from', () => {
    const { message, details } = refusalError({
      peer: 'h:993',
      mailbox: 'a@b.c',
      said: `a \r\n\t b${'x'.repeat(500)}`,
      atLogin: true,
    });
    expect(details).toEqual({ peer: 'h:993', mailbox: 'a@b.c', said: `a b${'x'.repeat(197)}` });
    expect(message.endsWith(details.said as string)).toBe(true);
  });

  it.each([
    ['{"status":"400","schemes":"Bearer","scope":"https://x"}', '400 Bearer https://x'],
    ['{"status":"401"}', '401'],
    [`{"status":"4${'0'.repeat(300)}"}`, `4${'0'.repeat(199)}`],
  ])('keeps what the error challenge says: %s', (json, challenge) => {
    const error = refusalError({
      mailbox: 'a@b.c',
      said: 'no',
      atLogin: true,
      challenge: Buffer.from(json).toString('base64'),
    });
    expect(error.details.challenge).toBe(challenge);
  });

  it('says nothing of a challenge that makes no sense', () => {
    const error = refusalError({ mailbox: 'a@b.c', said: 'no', atLogin: true, challenge: 'bm90IGpzb24=' });
    expect(error.details).toEqual({ mailbox: 'a@b.c', said: 'no' });
  });
});

import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { BridgeError, errorText } from '../../src/base/errors.ts';
import { loggableError } from '../../src/base/log.ts';
import { safeLine, safeText } from '../../src/base/visible.ts';
import { refusalError } from '../../src/exchange/reading/connect-refusal.ts';
import { SmtpUpstreamError } from '../../src/exchange/smtp/error.ts';
import { parseSmtpReply } from '../../src/exchange/smtp/reply.ts';
import { graphErrorOf } from '../../src/graph/client/error.ts';
import { ImapWriter } from '../../src/imap/wire/response-writer.ts';
import { Pop3Writer } from '../../src/pop3/wire/response-writer.ts';
import { SmtpReply } from '../../src/smtp/session.ts';

/** Sets a terminal's title, rings its bell, colours it, turns text around, hides a character, ends the line. */
const nasty = '\x1b]0;owned\x07\x1b[31mNo\u202eeciffo\u2066\u200b\x9b1m\u0085\r\na OK done';
const safe = ']0;owned [31mNo eciffo 1m a OK done';

test('one line is made of it, without anything that a terminal would act on', () => {
  expect(safeLine(nasty)).toBe(safe);
  expect(safeLine('Grüße, 漢字 \ud800 👋🏽')).toBe('Grüße, 漢字 \ufffd 👋🏽');
  expect(safeText('config has 2 problems:\na: \x1b[31m\r\nb')).toBe('config has 2 problems:\na:  [31m\nb');
});

describe('what an upstream says in a refusal is safe', () => {
  test.each<[string, () => string]>([
    ['at a login by IMAP or POP3', () => refusalError({ mailbox: 'a@b.c', said: nasty, atLogin: true }).message],
    [
      'in any other error',
      () => new BridgeError('mailbox-store-failed', `Microsoft 365 refused a command: ${nasty}`).toString(),
    ],
    ['in the text of a foreign error', () => errorText(new Error(nasty))],
    ['in a reply by SMTP', () => parseSmtpReply(`550 5.7.1 ${nasty}`)?.text ?? ''],
    ['where SMTP failed without a reply', () => new SmtpUpstreamError(nasty, { stage: 'login' }).message],
    [
      'in an answer of Graph',
      () => graphErrorOf(400, {}, JSON.stringify({ error: { code: 'X', message: nasty } }), 0).message,
    ],
    ['in what an SMTP client is told', () => new SmtpReply(550, '5.7.1', nasty).message],
    [
      'in what an IMAP client is told',
      () => written((stream) => new ImapWriter(stream, 10_000).tagged('a', 'NO', nasty)),
    ],
    ['in what a POP3 client is told', () => written((stream) => new Pop3Writer(stream, 10_000).error(nasty))],
  ])('%s', (_where, said) => {
    expect(said()).toContain(safe);
  });

  test('in the log, facts and causes included', () => {
    const details = { said: nasty, list: [nasty] };
    const error = new BridgeError('mailbox-login-refused', nasty, { details, cause: new Error(nasty) });
    expect(loggableError(error)).toMatchObject({ causes: [safe] });
    expect(JSON.stringify(loggableError(error))).not.toMatch(
      /\\u001b|\\u0007|[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/,
    );
  });
});

/** What is sent to a client. */
function written(write: (stream: Duplex) => void): string {
  let text = '';
  const stream = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  write(stream);
  return text;
}

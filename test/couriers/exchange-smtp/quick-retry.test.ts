import { describe, expect, test } from 'vitest';
import type { QuickRetry } from '../../../src/base/http/quick-retry.ts';
import { openingVerdict } from '../../../src/couriers/exchange-smtp/quick-retry.ts';
import { SmtpUpstreamError, type SmtpUpstreamErrorFacts } from '../../../src/exchange/smtp/error.ts';

const peer = 'smtp.office365.com:587';
const again = (mode: QuickRetry['mode'], facts: SmtpUpstreamErrorFacts, statusCodes: readonly number[] = []) =>
  openingVerdict(
    { mode, statusCodes, maxAttempts: 5, waitMs: 0, multiplyWait: false },
    new SmtpUpstreamError('it failed', facts),
    peer,
  );
const reply = (code: number, text: string, enhanced?: string) => ({ code, text, enhanced, lines: [text] }) as never;

describe('by SMTP, a connection is opened again at once', () => {
  test('in the mode any, where nobody listens or the server is busy', () => {
    expect(again('any', { stage: 'connect', systemCode: 'ECONNREFUSED' }).again).toBe(true);
    expect(again('any', { stage: 'connect', reply: reply(421, 'Service not available', '4.3.2') }).again).toBe(true);
  });

  test('in the mode status-codes, after the replies that are listed', () => {
    const busy = { stage: 'connect', reply: reply(421, 'Service not available', '4.3.2') } as const;
    expect(again('status-codes', busy, [421]).again).toBe(true);
    expect(again('status-codes', busy, [429, 503]).again).toBe(false);
    expect(again('status-codes', { stage: 'connect', systemCode: 'ECONNREFUSED' }, [421]).again).toBe(false);
  });

  test('never in the mode none', () => {
    expect(again('none', { stage: 'connect', systemCode: 'ECONNREFUSED' }).again).toBe(false);
  });

  test('never after a refused login, an untrusted certificate, or once the message has begun', () => {
    expect(again('any', { stage: 'login', reply: reply(535, 'Authentication unsuccessful', '5.7.3') }).again).toBe(
      false,
    );
    expect(again('any', { stage: 'connect', systemCode: 'CERT_HAS_EXPIRED' }).again).toBe(false);
    expect(again('any', { stage: 'envelope', reply: reply(451, 'try later', '4.7.0') }).again).toBe(false);
    expect(again('any', { stage: 'end-of-data', systemCode: 'ECONNRESET' }).again).toBe(false);
    expect(again('any', { stage: 'connect', aborted: true }).again).toBe(false);
  });
});

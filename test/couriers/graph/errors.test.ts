import { describe, expect, it } from 'vitest';
import { graphRefusal } from '../../../src/couriers/graph/errors.ts';
import { graphRefusals } from '../../../src/couriers/graph/refusals.ts';
import { GraphError } from '../../../src/graph/client/error.ts';

function refusal(status: number, code: string, more: { innerCode?: string; retryAfterMs?: number } = {}) {
  return graphRefusal(new GraphError('Words.', { status, code, ...more }));
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

describe('A code of Graph decides, whatever the status', () => {
  it.each<[code: string, outcome: string, scope: string, waitMs: number | undefined]>([
    ['ErrorSendAsDenied', 'permanent', 'message', undefined],
    ['ErrorInvalidRecipients', 'permanent', 'message', undefined],
    ['ErrorMessageSizeExceeded', 'permanent', 'message', undefined],
    ['ErrorAttachmentSizeLimitExceeded', 'permanent', 'message', undefined],
    ['ErrorMimeContentInvalidBase64String', 'permanent', 'message', undefined],
    ['ErrorRecipientLimitExceeded', 'permanent', 'message', undefined],
    ['ErrorQuotaExceeded', 'needs-admin', 'mailbox', 10 * minute],
    ['ErrorAccountSuspend', 'needs-admin', 'mailbox', 15 * minute],
    ['MailboxNotEnabledForRESTAPI', 'needs-admin', 'mailbox', minute],
    ['ErrorInvalidUser', 'needs-admin', 'mailbox', minute],
    ['ErrorItemNotFound', 'needs-admin', 'mailbox', minute],
    ['ErrorAccessDenied', 'needs-admin', 'mailbox', minute],
    ['Authorization_RequestDenied', 'needs-admin', 'mailbox', minute],
    ['InvalidAuthenticationToken', 'needs-admin', 'tenant', minute],
    ['OrganizationFromTenantGuidNotFound', 'needs-admin', 'tenant', minute],
    ['ErrorExceededMessageLimit', 'temporary', 'mailbox', hour],
    ['ErrorSubmissionQuotaExceeded', 'temporary', 'mailbox', hour],
    ['ErrorMessageThrottled', 'temporary', 'mailbox', 30 * second],
    ['ApplicationThrottled', 'temporary', 'mailbox', 30 * second],
    ['TooManyRequests', 'temporary', 'mailbox', 30 * second],
    ['MailboxConcurrency', 'temporary', 'mailbox', 30 * second],
    ['ErrorServerBusy', 'temporary', 'mailbox', 30 * second],
    ['ErrorMailboxMoveInProgress', 'temporary', 'mailbox', 5 * minute],
    ['ErrorMailboxStoreUnavailable', 'temporary', 'message', undefined],
    ['ErrorInternalServerError', 'temporary', 'message', undefined],
    ['ErrorTimeoutExpired', 'temporary', 'message', undefined],
    ['generalException', 'temporary', 'message', undefined],
    ['UnknownError', 'temporary', 'message', undefined],
  ])('%s: %s, of the %s', (code, outcome, scope, waitMs) => {
    for (const status of [400, 403, 500]) {
      const verdict = refusal(status, code.toUpperCase());
      expect(verdict).toMatchObject({ outcome, scope, text: `${status} ${code.toUpperCase()}: Words.` });
      expect(verdict.remedy).toBeTruthy();
      expect(verdict.retryAfterMs).toBe(waitMs);
      expect(verdict.pauseMailboxMs).toBe(waitMs);
    }
  });

  it('stands once in the table', () => {
    const codes = graphRefusals.flatMap((row) => row.codes.map((code) => code.toLowerCase()));
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  });

  it('an inner code counts where the outer one says nothing', () => {
    expect(refusal(400, 'BadGatewayOrSo', { innerCode: 'ErrorSendAsDenied' }).outcome).toBe('permanent');
  });
});

describe('An unknown code', () => {
  it.each([
    [400, 'permanent'],
    [401, 'needs-admin'],
    [403, 'needs-admin'],
    [404, 'needs-admin'],
    [405, 'permanent'],
    [408, 'temporary'],
    [409, 'permanent'],
    [413, 'permanent'],
    [415, 'permanent'],
    [422, 'permanent'],
    [423, 'temporary'],
    [429, 'temporary'],
    [500, 'temporary'],
    [502, 'temporary'],
    [503, 'temporary'],
    [504, 'temporary'],
    [507, 'needs-admin'],
    [509, 'temporary'],
  ])('%i: %s', (status, outcome) => {
    expect(refusal(status, 'SomethingNew').outcome).toBe(outcome);
  });
});

describe('What Graph asks to wait', () => {
  it('comes before the wait of the table, and the mailbox is paused so long', () => {
    const verdict = refusal(429, 'ApplicationThrottled', { retryAfterMs: 7000 });
    expect(verdict).toMatchObject({ retryAfterMs: 7000, pauseMailboxMs: 7000 });
  });

  it('is waited for an unknown code too', () => {
    const verdict = refusal(503, 'SomethingNew', { retryAfterMs: 120_000 });
    expect(verdict).toMatchObject({ outcome: 'temporary', retryAfterMs: 120_000, pauseMailboxMs: 120_000 });
  });
});

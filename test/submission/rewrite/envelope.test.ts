import { describe, expect, test } from 'vitest';
import { AddressMap } from '../../../src/accounts/address-map.ts';
import type { MailChanges } from '../../../src/accounts/mail-changes.ts';
import type { EnvelopeRecipient } from '../../../src/message/envelope.ts';
import { rewrittenEnvelope, rewrittenSender } from '../../../src/submission/rewrite/envelope.ts';

function account(changes: Partial<MailChanges> = {}) {
  const none = {
    senders: new AddressMap(),
    recipients: new AddressMap(),
    fields: { add: [], remove: new Set<string>() },
  };
  return {
    username: 'scanner',
    connection: 'contoso',
    mailbox: 'reports@contoso.com',
    delivery: 'queued',
    mailboxFor: () => 'reports@contoso.com',
    maySendAs: () => true,
    changes: { ...none, ...changes },
  } as const;
}

const said = (recipients: readonly EnvelopeRecipient[], reversePath = 'old@contoso.com') => ({
  reversePath,
  recipients,
  eightBit: false,
  smtpUtf8: false,
});

const lab = account({
  recipients: new AddressMap({ '*@lab.local': 'ops@contoso.com', 'bo@x.example': 'bo@y.example' }),
});
const ann = { address: 'ann@contoso.com' };

describe('recipients', () => {
  test('are rewritten, once each, and keep the address that was said for reports', () => {
    const envelope = rewrittenEnvelope(lab, said([{ address: 'bo@x.example' }, ann, { address: 'root@lab.local' }]));
    expect(envelope.recipients).toEqual([
      { address: 'bo@y.example', dsn: { orcpt: 'rfc822;bo@x.example' } },
      ann,
      { address: 'ops@contoso.com', dsn: { orcpt: 'rfc822;root@lab.local' } },
    ]);
  });

  test('that become the same are one, who hears what either wanted to be heard of', () => {
    const envelope = rewrittenEnvelope(
      lab,
      said([
        { address: 'root@lab.local', dsn: { notify: ['NEVER'] } },
        { address: 'OPS@contoso.com', dsn: { notify: ['SUCCESS'] } },
        { address: 'cron@lab.local' },
      ]),
    );
    expect(envelope.recipients).toEqual([
      {
        address: 'ops@contoso.com',
        dsn: { orcpt: 'rfc822;root@lab.local', notify: ['SUCCESS', 'FAILURE', 'DELAY'] },
      },
    ]);
  });

  test("keep the client's own ORCPT", () => {
    const dsn = { orcpt: 'rfc822;first@x.example', notify: ['SUCCESS'] } as const;
    const envelope = rewrittenEnvelope(lab, said([{ address: 'root@lab.local', dsn }]));
    expect(envelope.recipients).toEqual([{ address: 'ops@contoso.com', dsn }]);
  });

  test('that no rule is for stay, the same twice too: the very same envelope', () => {
    const envelope = said([ann, ann]);
    expect(rewrittenEnvelope(lab, envelope)).toBe(envelope);
    expect(rewrittenEnvelope({ ...lab, changes: account().changes }, envelope)).toBe(envelope);
  });

  test('that become too long are refused', () => {
    const domain = `${'a234567890.'.repeat(22)}example`;
    const long = account({ recipients: new AddressMap({ '*@x.example': `*@${domain}` }) });
    expect(() => rewrittenEnvelope(long, said([{ address: `${'a'.repeat(10)}@x.example` }]))).toThrow('too long');
  });

  test('beyond ASCII take SMTPUTF8', () => {
    const german = account({ recipients: new AddressMap({ 'jo@x.example': 'jörg@x.example' }) });
    expect(rewrittenEnvelope(german, said([{ address: 'jo@x.example' }])).smtpUtf8).toBe(true);
  });
});

describe('a redirection', () => {
  const staging = account({ redirectAllTo: 'test@contoso.com' });

  test('has one recipient, of whom no success is reported', () => {
    const wanted = { address: 'bo@x.example', dsn: { notify: ['SUCCESS'], orcpt: 'rfc822;bo@x.example' } } as const;
    expect(rewrittenEnvelope(staging, said([ann, wanted])).recipients).toEqual([{ address: 'test@contoso.com' }]);
  });

  test('is silent where nobody wanted to hear of anything', () => {
    const never = { address: 'bo@x.example', dsn: { notify: ['NEVER'] } } as const;
    expect(rewrittenEnvelope(staging, said([never, never])).recipients).toEqual([
      { address: 'test@contoso.com', dsn: { notify: ['NEVER'] } },
    ]);
  });
});

test('the reverse-path is rewritten, but not the null one', () => {
  const anew = account({ senders: new AddressMap({ 'old@contoso.com': 'new@contoso.com' }) });
  expect(rewrittenSender(anew, 'OLD@contoso.com')).toBe('new@contoso.com');
  expect(rewrittenSender(anew, '')).toBe('');
  expect(rewrittenEnvelope(anew, said([ann])).reversePath).toBe('new@contoso.com');
  expect(rewrittenEnvelope(anew, said([ann], 'ann@contoso.com')).reversePath).toBe('ann@contoso.com');
});

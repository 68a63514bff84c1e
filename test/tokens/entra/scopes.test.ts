import { describe, expect, test } from 'vitest';
import { clouds } from '../../../src/config/clouds.ts';
import { delegatedNames, type Uses } from '../../../src/onboarding/permissions.ts';
import { type CloudScopes, delegatedScopes, missingScopes } from '../../../src/tokens/entra/scopes.ts';

const outlook = 'https://outlook.office.com';
const graph = 'https://graph.microsoft.com';

/** The scopes for what the accounts of a connection do. */
function scopesFor(
  { read = [], send = [], otherMailboxes = false }: Partial<Uses> & { readonly otherMailboxes?: boolean },
  cloud: CloudScopes,
  configured?: readonly string[],
) {
  return delegatedScopes(delegatedNames({ read, send }, { shared: otherMailboxes }), cloud, configured);
}

describe('the scopes of a connection', () => {
  test.each([
    [{ read: ['imap'] }, { exchange: [`${outlook}/IMAP.AccessAsUser.All`] }],
    [{ read: ['pop3'] }, { exchange: [`${outlook}/POP.AccessAsUser.All`] }],
    [{ send: ['smtp'] }, { exchange: [`${outlook}/SMTP.Send`] }],
    [{ send: ['graph'] }, { graph: [`${graph}/Mail.Send`, `${graph}/Mail.ReadWrite`] }],
    [{ read: ['graph'] }, { graph: [`${graph}/Mail.ReadWrite`] }],
    [
      { send: ['graph'], otherMailboxes: true },
      {
        graph: ['Mail.Send', 'Mail.Send.Shared', 'Mail.ReadWrite', 'Mail.ReadWrite.Shared'].map((n) => `${graph}/${n}`),
      },
    ],
    [
      { read: ['imap'], send: ['graph'] },
      { graph: [`${graph}/Mail.Send`, `${graph}/Mail.ReadWrite`], exchange: [`${outlook}/IMAP.AccessAsUser.All`] },
    ],
    [
      { read: ['imap', 'pop3'], send: ['smtp'], otherMailboxes: true },
      {
        exchange: [`${outlook}/IMAP.AccessAsUser.All`, `${outlook}/POP.AccessAsUser.All`, `${outlook}/SMTP.Send`],
      },
    ],
    [
      { read: ['graph'], send: ['graph'], otherMailboxes: true },
      {
        graph: ['Mail.Send', 'Mail.Send.Shared', 'Mail.ReadWrite', 'Mail.ReadWrite.Shared'].map((n) => `${graph}/${n}`),
      },
    ],
    [{}, {}],
  ] as const)('for %j', (uses, expected) => {
    expect(scopesFor(uses, clouds.global)).toEqual(expected);
  });

  test('belong to the cloud', () => {
    expect(scopesFor({ read: ['imap'], send: ['graph'] }, clouds['us-gov-high'])).toEqual({
      graph: ['https://graph.microsoft.us/Mail.Send', 'https://graph.microsoft.us/Mail.ReadWrite'],
      exchange: ['https://outlook.office365.us/IMAP.AccessAsUser.All'],
    });
    expect(scopesFor({ send: ['smtp'] }, clouds.china)).toEqual({
      exchange: ['https://partner.outlook.cn/SMTP.Send'],
    });
  });

  test('configured take the place of those of their resource, and never share a request', () => {
    const configured = [`${graph}/Mail.ReadWrite`, 'User.Read', `${outlook}/.default`, 'offline_access', 'OpenID'];
    expect(scopesFor({ read: ['imap'], send: ['graph'] }, clouds.global, configured)).toEqual({
      graph: [`${graph}/Mail.ReadWrite`, 'User.Read'],
      exchange: [`${outlook}/.default`],
    });
    expect(scopesFor({ read: ['imap'], send: ['graph'] }, clouds.global, [`${graph}/.default`])).toEqual({
      graph: [`${graph}/.default`],
      exchange: [`${outlook}/IMAP.AccessAsUser.All`],
    });
  });
});

describe('missing scopes', () => {
  test.each([
    [['https://graph.microsoft.com/Mail.Send'], ['Mail.Send', 'openid', 'profile'], []],
    [['https://graph.microsoft.com/mail.send'], ['https://graph.microsoft.com/Mail.Send'], []],
    [[`${outlook}/IMAP.AccessAsUser.All`], ['https://outlook.office365.com/IMAP.AccessAsUser.All'], []],
    [[`${outlook}/SMTP.Send`], [`${outlook}/IMAP.AccessAsUser.All`], [`${outlook}/SMTP.Send`]],
    [[`${graph}/Mail.Send.Shared`], ['Mail.Send'], [`${graph}/Mail.Send.Shared`]],
    [['offline_access', 'openid', 'profile'], [], []],
    [[`${graph}/.default`], ['User.Read'], []],
    [[`${graph}/.default`], ['openid', 'profile', 'email'], [`${graph}/.default`]],
  ])('of %j when %j are granted: %j', (wanted, granted, missing) => {
    expect(missingScopes(wanted, granted)).toEqual(missing);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { needLoopbackAddresses } from '../support/external.ts';
import type { Relay } from '../support/relay.ts';
import { protocols, startLoginWorld, tryLogin } from './login-world.ts';

let relay: Relay;

beforeAll(async () => {
  relay = await startLoginWorld();
});

afterAll(() => relay?.close());

beforeEach(needLoopbackAddresses);

/** A username, and the mailbox it means. */
const allowed = [
  ['scanner', 'reports@contoso.com'],
  ['SCANNER', 'reports@contoso.com'],
  ['reports@contoso.com', 'reports@contoso.com'],
  ['Sales@Contoso.com', 'sales@contoso.com'],
  ['scanner/reports', 'reports@contoso.com'],
  ['scanner/sales', 'sales@contoso.com'],
  ['scanner\\sales', 'sales@contoso.com'],
  ['scanner/sales@contoso.com', 'sales@contoso.com'],
  ['scanner\\sales@contoso.com', 'sales@contoso.com'],
  ['Scanner/SALES@Contoso.COM', 'sales@contoso.com'],
  ['scanner/info@shared.example', 'info@shared.example'],
  ['reports@contoso.com/sales@contoso.com', 'sales@contoso.com'],
  ['CONTOSO\\scanner', 'reports@contoso.com'],
  ['CONTOSO\\sales@contoso.com', 'sales@contoso.com'],
  ['contoso.com\\scanner', 'reports@contoso.com'],
  ['WORKGROUP\\scanner\\sales', 'sales@contoso.com'],
  ['CONTOSO\\scanner\\sales@contoso.com', 'sales@contoso.com'],
  ['CONTOSO\\scanner/sales', 'sales@contoso.com'],
  ['floor/2', 'bob@contoso.com'],
  ['floor/2/bob', 'bob@contoso.com'],
  ['CONTOSO\\floor/2/bob', 'bob@contoso.com'],
  ['contoso\\LEGACY', 'dora@contoso.com'],
  ['CONTOSO\\legacy\\dora@contoso.com', 'dora@contoso.com'],
  ['alice@people.example', 'alice@people.example'],
  ['ALICE@People.Example', 'alice@people.example'],
  ['PEOPLE\\alice', 'alice@people.example'],
  ['people.example\\alice', 'alice@people.example'],
  ['alice@people.example/help@contoso.com', 'help@contoso.com'],
  ['alice@people.example\\alice', 'alice@people.example'],
  ['PEOPLE\\alice\\help@contoso.com', 'help@contoso.com'],
  ['PEOPLE\\alice/help@contoso.com', 'help@contoso.com'],
] as const;

/** A username, the account that it matches, and a mailbox that does not belong to that account. */
const notAllowed = [
  ['scanner/bob', 'scanner', 'bob'],
  ['scanner\\bob@contoso.com', 'scanner', 'bob@contoso.com'],
  ['scanner/nobody@contoso.com', 'scanner', 'nobody@contoso.com'],
  ['scanner/*@shared.example', 'scanner', '*@shared.example'],
  ['scanner/"info"@shared.example', 'scanner', '"info"@shared.example'],
  ['scanner/info@shared.example.evil.example', 'scanner', 'info@shared.example.evil.example'],
  ['CONTOSO\\scanner\\alice@people.example', 'scanner', 'alice@people.example'],
  ['reports@contoso.com/dora@contoso.com', 'scanner', 'dora@contoso.com'],
  ['floor/2/reports@contoso.com', 'floor/2', 'reports@contoso.com'],
  ['alice@people.example/bob@people.example', 'alice@people.example', 'bob@people.example'],
  ['alice@people.example/bob', 'alice@people.example', 'bob'],
  ['PEOPLE\\alice\\bob', 'alice@people.example', 'bob'],
  ['alice@people.example/reports@contoso.com', 'alice@people.example', 'reports@contoso.com'],
] as const;

/** Usernames that match no account, whatever the password. */
const nobodys = [
  'nobody',
  'nobody/sales',
  'nobody/sales@contoso.com',
  'nobody\\bob@people.example',
  'CONTOSO\\nobody',
  'CONTOSO\\nobody\\sales',
  'nobody@contoso.com',
  'bob',
  'alice',
  'FABRIKAM\\alice',
  '*@people.example',
  'al/ice@people.example',
  '"alice"@people.example',
  'scanner/',
  '/scanner',
  'scanner\\',
  '\\scanner',
  'info@shared.example',
  'help@contoso.com',
] as const;

const wrongPasswords = [...allowed, ...notAllowed].map(([username]) => username);

describe.each(protocols)('%s', (protocol) => {
  test.each(allowed)('%s is let into %s', async (username, mailbox) => {
    expect(await tryLogin(relay, protocol, username)).toEqual({ mailbox });
  });

  test.each(notAllowed)(
    '%s: the password is right, so %s hears that %s is not its own',
    async (username, account, mailbox) => {
      const text = `Account ${account} may not use the mailbox ${mailbox} (login-other-mailbox)`;
      const refusal = {
        smtp: `535 5.7.8 ${text}`,
        imap: `a NO [AUTHORIZATIONFAILED] ${text}\r\n`,
        pop3: `-ERR [AUTH] ${text}\r\n`,
      };
      expect(await tryLogin(relay, protocol, username)).toEqual({ refusal: refusal[protocol] });
    },
  );

  const wrong = {
    smtp: '535 5.7.8 Username or password is wrong',
    imap: 'a NO [AUTHENTICATIONFAILED] Username or password is wrong.\r\n',
    pop3: '-ERR [AUTH] Username or password is wrong.\r\n',
  }[protocol];

  test.each(wrongPasswords)('%s with a wrong password hears what nobody hears', async (username) => {
    expect(await tryLogin(relay, protocol, username, 'falsch')).toEqual({ refusal: wrong });
  });

  test.each(nobodys)('%s is nobody, and hears what a wrong password does', async (username) => {
    expect(await tryLogin(relay, protocol, username)).toEqual({ refusal: wrong });
  });
});

import { expect, onTestFinished, test } from 'vitest';
import { tenantDomains } from '../../src/app/connections/tenant-domains.ts';
import { deliveryPolicy } from '../../src/app/delivery-policy.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import { load, sample } from '../config/sample.ts';
import { startLoginWorld, tryLogin } from './login-world.ts';

const account = { password: 'geheim', connection: 'contoso', send: 'graph' } as const;

const people: ConfigInput['accounts'] = [
  { ...account, username: '*@contoso.com', mailboxes: ['help@fabrikam.com'], onAmbiguity: 'hold' },
  { ...account, username: 'boss@contoso.com', mailbox: 'boss@contoso.com', envelope: 'refuse' },
  { ...account, username: 'erp', mailbox: 'erp@erp.example', mailboxes: ['*@shops.example'] },
];

test('mail of one of many people keeps to what their account wants, also when the account of one name is gone', async () => {
  const { config } = await load(sample({ accounts: people }));
  const couriers = ['graph'];
  expect(deliveryPolicy(config, 'anna@contoso.com')).toEqual({ envelope: 'auto', onAmbiguity: 'hold', couriers });
  expect(deliveryPolicy(config, 'boss@contoso.com')).toEqual({ envelope: 'refuse', onAmbiguity: 'resend', couriers });
  const without = { ...config, accounts: config.accounts.filter(({ username }) => !username.startsWith('boss')) };
  expect(deliveryPolicy(without, 'boss@contoso.com')).toEqual({ envelope: 'auto', onAmbiguity: 'hold', couriers });
  expect(deliveryPolicy(config, 'anna@fabrikam.com')).toEqual({ envelope: 'auto', onAmbiguity: 'resend' });
});

test('every domain that an account has a mailbox in is within the tenant', async () => {
  const { config } = await load(sample({ accounts: people }));
  const isInternal = tenantDomains(config);
  const inside = ['x@contoso.com', 'x@fabrikam.com', 'x@erp.example', 'x@shops.example'];
  expect(inside.filter((address) => !isInternal('contoso', address))).toEqual([]);
  expect(isInternal('contoso', 'x@example.org')).toBe(false);
});

test('an account’s connections count for each of its mailboxes, by whatever name it logs in', async () => {
  const relay = await startLoginWorld({ maxConnectionsPerAccount: 1 });
  onTestFinished(() => relay.close());
  expect(await tryLogin(relay, 'imap', 'scanner')).toEqual({ mailbox: 'reports@contoso.com' });
  expect(await tryLogin(relay, 'imap', 'scanner/sales')).toEqual({ mailbox: 'sales@contoso.com' });
  const text = 'The account scanner has too many connections to sales@contoso.com open.';
  for (const name of ['scanner/sales@contoso.com', 'CONTOSO\\scanner\\sales', 'sales@contoso.com']) {
    expect(await tryLogin(relay, 'imap', name)).toEqual({ refusal: `a NO [LIMIT] ${text}\r\n` });
  }
  expect(await tryLogin(relay, 'pop3', 'scanner/sales')).toEqual({ mailbox: 'sales@contoso.com' });
});

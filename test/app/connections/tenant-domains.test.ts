import { expect, test } from 'vitest';
import { currentTenantDomains } from '../../../src/app/connections/tenant-domains.ts';
import type { Config } from '../../../src/config/schema.ts';

function configOf(...mailboxes: readonly string[]): Config {
  const accounts = mailboxes.map((mailbox, at) => ({
    username: `u${at}`,
    connection: 'contoso',
    mailboxes: [mailbox],
  }));
  return { accounts, connections: { contoso: {} }, limits: { internalDomains: ['listed.com'] } } as unknown as Config;
}

test('recipients of mailboxes that a reload brings are within the tenant from then on', () => {
  let config = configOf('reports@contoso.com');
  const isInternal = currentTenantDomains(() => config);
  const ask = () =>
    ['a@contoso.com', 'a@fabrikam.com', 'a@listed.com'].map((address) => isInternal('contoso', address));
  expect(ask()).toEqual([true, false, true]);
  config = configOf('reports@contoso.com', 'scanner@fabrikam.com');
  expect(ask()).toEqual([true, true, true]);
  config = configOf('scanner@fabrikam.com');
  expect(ask()).toEqual([false, true, true]);
});

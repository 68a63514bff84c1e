import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scriptAccounts } from '../../../src/app/admin/exchange-scripts.ts';
import { readLooseConfig } from '../../../src/app/set-up/loose-config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { exchangeScript } from '../../../src/onboarding/exchange-script/script.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const person = { kind: 'person', user: 'alice@contoso.com' } as const;
const app = {
  ...({ kind: 'app', classic: false, tenantWide: false } as const),
  clientId: '00000000-0000-0000-0000-000000000001',
  objectId: '00000000-0000-0000-0000-000000000002',
};

test.each([
  ['one mailbox', { mailbox: 'reports@contoso.com', send: 'graph', read: 'imap' }],
  [
    'several mailboxes, and addresses of others',
    {
      mailboxes: ['reports@contoso.com', 'sales@contoso.com'],
      mailboxFrom: 'header',
      send: ['graph', 'smtp'],
      senders: [
        'reports@contoso.com',
        'sales@contoso.com',
        'info@contoso.com',
        { address: 'r@contoso.com', as: 'alias' },
      ],
    },
  ],
  ['a forced sender', { mailbox: 'reports@contoso.com', send: 'smtp', forceFrom: 'noreply@contoso.com' }],
  ['a forced sender, the mailbox itself', { mailbox: 'reports@contoso.com', send: 'smtp', forceFrom: true }],
  [
    'a fixed mailbox',
    { mailboxes: ['reports@contoso.com', 'sales@contoso.com'], mailboxFrom: 'fixed', send: 'smtp', read: 'graph' },
  ],
  ['copies removed', { mailbox: 'reports@contoso.com', send: 'graph', sentItems: 'remove' }],
  ['everybody at a domain', { username: '*@contoso.com', passwordFrom: 'app-passwords', send: 'smtp', read: 'imap' }],
])('the script of the page is that of the command: %s', async (_, account) => {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  const { clientId } = app;
  const secret = { clientSecret: 'of-this-test-8Q~4711' };
  const config = {
    listeners: [{ protocol: 'smtp', port: 0 }],
    connections: { contoso: { tenantId: 'contoso.com', clientId, grant: 'client-credentials', ...secret } },
    accounts: [
      {
        username: 'scanner',
        connection: 'contoso',
        ...('passwordFrom' in account ? {} : { password: 'of-a-scanner-1' }),
        ...account,
      },
    ],
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const loaded = (await loadConfig(file, { env: {} })).config;
  const loose = await readLooseConfig(file, {});
  for (const principal of [app, person]) {
    const scripts = [scriptAccounts(loaded, 'contoso'), loose.accountsOf('contoso')].map((accounts) =>
      exchangeScript({ connection: 'contoso', organization: 'contoso.com', principal, accounts }, { undo: false }),
    );
    expect(scripts[0]).toBe(scripts[1]);
    expect(scripts[0]).toContain('contoso.com');
  }
});

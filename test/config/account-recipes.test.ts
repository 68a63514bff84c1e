import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { connection, listener, load } from './sample.ts';

const page = readFileSync(new URL('../../docs/accounts.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```json\n(.*?)^```/gms)].map(([, text]) => JSON.parse(text ?? ''));
const env = {
  SCANNER_PASSWORD: 'secret of scanner',
  ERP_PASSWORD: 'secret of erp',
  DESK_PASSWORD: 'secret of desk',
  LDAP_PASSWORD: 'secret of ldap',
};
const whole = { username: 'scanner', connection: 'contoso', mailbox: 'scanner@contoso.com', send: 'graph' };

test('docs/accounts.md has recipes', () => {
  expect(blocks.filter(({ username }) => username !== undefined).length).toBeGreaterThanOrEqual(8);
});

test.each(blocks)('what docs/accounts.md shows is valid by itself: %j', async (block) => {
  const { queue, ...keys } = block;
  const account = { ...whole, ...('passwordFrom' in keys ? {} : { password: 'secret of scanner' }), ...keys };
  const around = 'connections' in block ? block : { connections: { contoso: connection }, accounts: [account] };
  const { warnings } = await load({ listeners: [listener], ...around, ...(queue && { queue }) }, { env });
  expect(warnings).toEqual([]);
});

import type { ConnectionStatus, Overview } from '../../admin/api/overview/schemas.ts';
import type { AccountConfig } from '../../config/schema.ts';

type AccountTrouble = Overview['accounts']['trouble'][number];

const toldAtMost = 100;

/** What keeps an account from working: the trouble of its connection. Undefined if none is known. */
export function accountTrouble(
  { username }: Pick<AccountConfig, 'username'>,
  connection: ConnectionStatus | undefined,
): AccountTrouble | undefined {
  if (connection === undefined || connection.state === 'ok' || connection.state === 'unknown') return undefined;
  const { name, state, text = 'It is in trouble.', remedy } = connection;
  return { username, state, text: `Connection ${name}: ${text}`, ...(remedy === undefined ? {} : { remedy }) };
}

/** The accounts in trouble, limited to what an administrator would look at. */
export function accountTroubles(
  accounts: readonly Pick<AccountConfig, 'username' | 'connection'>[],
  connections: readonly ConnectionStatus[],
): AccountTrouble[] {
  const byName = new Map(connections.map((each) => [each.name, each]));
  const found: AccountTrouble[] = [];
  for (const account of accounts) {
    const trouble = accountTrouble(account, byName.get(account.connection));
    if (trouble) found.push(trouble);
    if (found.length === toldAtMost) break;
  }
  return found;
}

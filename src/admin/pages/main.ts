import { openConnections } from './connections/page.ts';
import { openMessages } from './messages/page.ts';
import { openOverview } from './overview/page.ts';
import { later } from './shell/later.ts';
import { startShell } from './shell/shell.ts';

startShell({
  '': openOverview,
  messages: openMessages,
  connections: openConnections,
  accounts: later('Accounts', async () => (await import('./accounts/page.ts')).openAccounts),
  log: later('Log', async () => (await import('./log/page.ts')).openLog),
  'set-up': later('Set up', async () => (await import('./set-up/page.ts')).openSetUp),
});

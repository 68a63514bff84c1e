import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterTest, type Microsoft365, microsoft365 } from '../simulator/harness.ts';
import { Mailbridge } from './process.ts';
import { noteSecret } from './secret-search/record.ts';
import { type SetUpApi, setUpApi } from './set-up-by-api.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** `mailbridge start` in an empty folder, and a tenant that knows nothing of it. */
export interface SetUpWorld {
  readonly m365: Microsoft365;
  readonly folder: string;
  readonly bridge: Mailbridge;
  /** URL of the page. */
  readonly url: string;
  readonly token: string;
  /** As `simulate --write` writes it. */
  readonly cloud: object;
  /** Calls the API with the admin token. */
  readonly api: SetUpApi;
  /** Starts a new bridge in the same folder. */
  again(): Promise<SetUpWorld>;
}

/** @see SetUpWorld */
export async function setUpWorld(): Promise<SetUpWorld> {
  const m365 = await microsoft365();
  m365.tenant.lifetimes.deviceCodeIntervalSeconds = 0.05;
  m365.tenant.apps.delete(m365.clientId.toLowerCase());
  return await worldIn(m365, temporaryFolder());
}

async function worldIn(m365: Microsoft365, folder: string): Promise<SetUpWorld> {
  const bridge = Mailbridge.run(['start'], { cwd: folder, env: { MAILBRIDGE_SETUP_PORT: '0' } });
  afterTest(async () => {
    await bridge.kill();
  });
  const { url } = await bridge.line(
    ({ msg }) => msg.startsWith('set-up: ') || msg.startsWith('admin endpoint'),
    'the page',
  );
  const token = readFileSync(join(folder, 'data/admin-token'), 'utf8').trim();
  noteSecret('admin token', token);
  const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
  return {
    m365,
    folder,
    bridge,
    url: String(url),
    token,
    cloud: { cloud: { authority, graph, imap, pop3, smtp, caFile } },
    api: setUpApi(String(url), token),
    async again() {
      bridge.signal('SIGTERM');
      await bridge.exit();
      return await worldIn(m365, folder);
    },
  };
}

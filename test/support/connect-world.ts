import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigInput } from '../../src/config/schema.ts';
import { afterTest, type Microsoft365, microsoft365 } from '../simulator/harness.ts';
import { freePorts } from './ports.ts';
import { alice, bob, contosoConfig, type Relay, relayFrom, reports } from './relay.ts';

/** A bridge where the people of contoso.com connect their own mailboxes. */
export interface ConnectWorld {
  readonly m365: Microsoft365;
  readonly relay: Relay;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** Issued the test's certificates. */
  readonly ca: string;
}

type ConnectInput = NonNullable<NonNullable<ConfigInput['admin']>['connect']>;

interface ConnectWorldOptions {
  readonly connect?: ConnectInput;
  /** In addition to the account for everybody of contoso.com. */
  readonly accounts?: ConfigInput['accounts'];
  /** People sign in in the browser that shows the page. */
  readonly byBrowser?: boolean;
}

/** @see ConnectWorld */
export async function connectWorld({
  connect,
  accounts = [],
  byBrowser = false,
}: ConnectWorldOptions = {}): Promise<ConnectWorld> {
  const m365 = await microsoft365({ mailboxes: [reports, alice, bob] });
  m365.tenant.lifetimes.deviceCodeIntervalSeconds = 0.05;
  const port = await freePorts();
  const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
  const cloud = { authority, graph, imap, pop3, smtp, caFile };
  const { tenantId, clientId } = m365;
  const redirectUri = `http://127.0.0.1:${port}/connect/callback`;
  m365.tenant.app.publicRedirectUris = [...m365.tenant.app.publicRedirectUris, redirectUri];
  const grant = byBrowser ? { grant: 'authorization-code' as const, redirectUri } : { grant: 'device-code' as const };
  const base = contosoConfig(m365);
  const config: ConfigInput = {
    ...base,
    hostname: 'localhost',
    listeners: [
      { protocol: 'smtp', port: 0 },
      { protocol: 'imap', port: 0 },
      { protocol: 'imap', port: 0, security: 'tls' },
    ],
    connections: { ...base.connections, people: { ...grant, signIns: 'each', tenantId, clientId, cloud } },
    accounts: [
      { username: '*@contoso.com', passwordFrom: 'app-passwords', connection: 'people', send: 'smtp', read: 'imap' },
      ...accounts,
    ],
    admin: { port, connect: connect ?? { connection: 'people', domains: ['contoso.com'] } },
  };
  const relay = await relayFrom(m365, config);
  afterTest(() => relay.close());
  return {
    m365,
    relay,
    origin: `http://127.0.0.1:${port}`,
    ca: readFileSync(join(relay.folder.path, 'data/tls/ca.crt'), 'utf8'),
  };
}

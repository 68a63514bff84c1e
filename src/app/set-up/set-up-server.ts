import type { AdminSessions } from '../../admin/access/sessions.ts';
import type { LogTail } from '../../admin/api/log/log-tail.ts';
import type { OpenSetUp } from '../../admin/api/set-up/routes.ts';
import type { SetupModePorts } from '../../admin/ports.ts';
import type { AdminServer } from '../../admin/server/admin-server.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { connectableHost } from '../../base/sockets/listening-host.ts';
import { portFailure } from '../port-failure.ts';
import { version } from '../version.ts';

/** Where a bridge without a configuration is set up. */
export interface SetupServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly dataDir: string;
  readonly setUp: OpenSetUp;
  readonly sessions: AdminSessions;
  readonly clock: Clock;
  readonly log: Log;
  readonly logTail: LogTail;
}

/**
 * The admin server of a bridge without a configuration: only the set-up.
 * @throws BridgeError `port-in-use`, `listen-failed`, `admin-token-unusable`
 */
export async function openSetupServer(options: SetupServerOptions): Promise<AdminServer> {
  const { host, port, dataDir, setUp, logTail, clock } = options;
  const startedAt = new Date(clock.now()).toISOString();
  const { listenAdmin } = await import('../../admin/server/admin-server.ts');
  const ports: SetupModePorts = {
    setUp,
    logTail,
    instance: { version: version(), instance: '', isSetUp: () => false },
    facts: noFacts,
    overview: async () => ({ ...noOverview, version: version(), startedAt }),
    history: () => undefined,
    events: () => () => {},
  };
  return await listenAdmin({ host, port, pages: true, names: [host], dataDir }, ports, options).catch(
    (error: unknown) => Promise.reject(portFailure(error, 'admin', { host, port })),
  );
}

/** Where a browser on this machine finds the pages. */
export function pagesUrl(host: string, port: number): string {
  const name = connectableHost(host);
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}/`;
}

const notSetUp = { code: 'not-set-up', text: 'There is no configuration yet.' };

const noOverview = {
  instance: '',
  ready: { ready: false, reasons: [notSetUp] },
  connections: [],
  accounts: { total: 0, trouble: [] },
  queue: { queued: 0, held: 0, failed: 0, quarantined: 0, deliveredLastDay: 0, oldestQueuedAt: null },
  clients: { smtp: 0, imap: 0, pop3: 0 },
  alerts: [],
};

const noFacts = {
  notReady: async () => [notSetUp],
  queue: async () => ({}),
  clients: () => ({}),
  workers: async () => [],
  troubles: () => [],
  signIns: async () => [],
};

import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import type { LogTail } from '../../admin/api/log/log-tail.ts';
import type { OpenSetUp } from '../../admin/api/set-up/routes.ts';
import type { AdminPorts } from '../../admin/ports.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import type { Queue } from '../../queue/queue.ts';
import type { BridgeState, OpenListener } from '../bridge-state.ts';
import { BridgeConnect } from '../connect/connect.ts';
import { currentTenantDomains } from '../connections/tenant-domains.ts';
import { instanceName } from '../instances/instance.ts';
import type { ListenerCertificates } from '../listener-certificates.ts';
import type { ObservedForAdmin } from '../observing/for-admin.ts';
import { version } from '../version.ts';
import { BridgeAccounts } from './accounts.ts';
import { Checks } from './checks.ts';
import { ConnectionStates } from './connection-states.ts';
import { BridgeConnections } from './connections.ts';
import type { EventRelay } from './event-relay.ts';
import { type AdminSources, adminFacts } from './facts.ts';
import type { LoginUses } from './login-uses.ts';
import { BridgeMessages } from './messages.ts';
import { Overviews } from './overview.ts';
import { DeviceSignIns } from './sign-ins.ts';
import { queueTestMessage } from './test-messages.ts';

/** What the admin server gets its answers from. */
export interface PortSources extends Omit<AdminSources, 'upstreams' | 'queue' | 'listeners' | 'observed'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly startedAtMs: number;
  readonly setUp: OpenSetUp | undefined;
  readonly certificates: Pick<ListenerCertificates, 'authorityFile'>;
  readonly queue: Queue;
  readonly listeners: readonly OpenListener[];
  /** Set if instances share app passwords and sign-ins. */
  readonly records: RecordTable | undefined;
  readonly uses: LoginUses;
  readonly events: EventRelay;
  readonly logTail: LogTail;
  readonly observed: ObservedForAdmin | undefined;
  state(): BridgeState;
}

/** Answers the admin server from a running bridge. */
export function adminPorts(sources: PortSources): AdminPorts {
  const { clock, log, store, queue, records, events, state } = sources;
  const facts = adminFacts({ ...sources, upstreams: () => state().upstreams.values() });
  const instance = { version: version(), instance: instanceName(state().config), isSetUp: () => true };
  const connectionStates = new ConnectionStates({ facts, state });
  const states = () => connectionStates.all();
  const overviews = new Overviews({
    ...{ facts, instance, store, clock, state },
    startedAtMs: sources.startedAtMs,
    states,
  });
  const checks = new Checks({ clock, log, store, shared: records, events, state });
  const signIns = new DeviceSignIns({ clock, log, state, onSignIn: () => queue.retryNow() });
  const tests = { queue, clock, state };
  return {
    facts,
    instance,
    messages: new BridgeMessages({
      store,
      queue,
      clock,
      isInternal: currentTenantDomains(() => state().config),
      state,
    }),
    accounts: new BridgeAccounts({
      ...sources,
      naming: state().config,
      appPasswords: openAppPasswords(state().config.dataDir, records),
      connections: states,
      sendTest: (account, login, to) => queueTestMessage(tests, account, login, to),
    }),
    connections: new BridgeConnections({ checks, signIns, state, states }),
    setUp: sources.setUp,
    connect: connectOf(sources),
    logTail: sources.logTail,
    overview: () => overviews.get(),
    history: (range) => sources.observed?.history.view(range),
    events: (told) => events.listen(told),
    async close() {
      await Promise.all([checks.close(), signIns.close()]);
    },
  };
}

/** Undefined if people do not connect their own mailboxes. */
function connectOf(sources: PortSources): BridgeConnect | undefined {
  const { config } = sources.state();
  const { admin } = config;
  if (!admin?.connect) return undefined;
  return new BridgeConnect({
    ...sources,
    connect: admin.connect,
    publicUrl: admin.publicUrl,
    naming: config,
    authorityFile: sources.certificates.authorityFile,
    onSignIn: () => sources.queue.retryNow(),
  });
}

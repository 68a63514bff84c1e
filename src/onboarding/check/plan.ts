import { couriers } from '../../couriers/registry.ts';
import { courierChecks } from './courier-checks.ts';
import { certificateHop, secretExpiryHop, signInHop } from './hops/credential.ts';
import { entraHops } from './hops/entra.ts';
import { graphHop } from './hops/graph.ts';
import type { Hop } from './hops/hop.ts';
import { readingHop } from './hops/reading.ts';
import { senderHops } from './hops/sender.ts';
import { sentItemsHops } from './hops/sent-items.ts';
import { permissionHop, type SeenTokens, tokenHop } from './hops/token.ts';
import type { MailboxContext } from './mailbox-context.ts';
import type { CheckOperations } from './operations.ts';
import type { ServerPeer } from './probes/peer.ts';
import { tellingOfOthers } from './standby.ts';
import {
  type CheckedAccount,
  type CheckedConnection,
  type CheckedSender,
  resourceOf,
  testedSenders,
  testTarget,
  type Use,
  usesOf,
} from './subject.ts';

export interface PlanOptions {
  /** The proxy that requests to an https:// origin go through. */
  proxyFor(origin: string): string | undefined;
  /** Recipients of test messages; empty: none are sent. */
  readonly sendTestTo: readonly string[];
  /** Usernames of accounts that send none. */
  readonly tested: ReadonlySet<string>;
  /** Why a running bridge has paused the connection, if it has. */
  paused?(): Promise<string | undefined>;
}

const serviceNames: Readonly<Record<ServerPeer['service'], string>> = {
  authority: 'Entra ID',
  graph: 'Graph',
  imap: 'IMAP',
  pop3: 'POP3',
  smtp: 'SMTP',
};

/** Every hop of a connection that its accounts need, in the order they are tried. */
export function planHops(connection: CheckedConnection, operations: CheckOperations, options: PlanOptions): Hop[] {
  const uses = usesOf(connection.accounts);
  const seen: SeenTokens = new Map();
  const resources = [...new Set(uses.map(resourceOf))];
  const hasAuthority = connection.tenantId !== undefined && connection.grant !== 'managed-identity';
  const signIn = signInOf(connection, operations);
  const beforeToken = ['credential', ...(signIn ? [signIn.key] : []), ...(hasAuthority ? ['discovery'] : [])];
  const context: MailboxContext = { connection, operations, seen, opened: new Set() };
  return [
    configurationHop(connection, operations, options),
    certificateHop(connection, operations, ['configuration']),
    ...(signIn ? [signIn] : []),
    ...peersOf(connection, uses, hasAuthority, options).flatMap((peer) => endpointHops(peer, operations)),
    ...(hasAuthority ? entraHops(connection, operations, ['tls authority']) : []),
    ...resources.map((resource) => tokenHop(connection, resource, operations, seen, beforeToken)),
    ...firstOfEachKind(uses).map((use) => tellingOfOthers(permissionHop(connection, use, seen), connection, use)),
    ...uses.map((use) => ({ ...tellingOfOthers(mailboxHop(context, use), connection, use), mailbox: use.mailbox })),
    ...(connection.untried ?? []).map((each) => untriedHop(connection.name, each)),
    ...sentItemsHops(context),
    ...sendersOf(connection.accounts).flatMap((account) => senderHops(context, account)),
    ...(resources.includes('graph') && connection.actsAs === 'app'
      ? [secretExpiryHop(connection, operations, seen)]
      : []),
    ...testHops(connection, operations, options),
  ];
}

/** The sign-in that somebody has to have made; with a password the bridge makes it automatically. */
function signInOf(connection: CheckedConnection, operations: CheckOperations): Hop | undefined {
  const byHand = connection.grant === 'device-code' || connection.grant === 'authorization-code';
  if (!byHand || connection.hasNoSignIn || operations.signIn === undefined) return undefined;
  const { now, signIn } = operations;
  return signInHop(connection, { now: now.bind(operations), signIn: signIn.bind(operations) }, ['configuration']);
}

function configurationHop(
  { accounts, untried = [] }: CheckedConnection,
  operations: CheckOperations,
  { paused }: PlanOptions,
): Hop {
  return {
    key: 'configuration',
    name: 'configuration',
    target: '',
    accounts: [],
    needs: [],
    run: async () => {
      await operations.open();
      if (usesOf(accounts).length === 0 && untried.length === 0)
        return { warning: 'No account uses this connection, so there is little to try.' };
      const warning = await paused?.();
      return warning === undefined ? {} : { warning };
    },
  };
}

/** The servers that the uses need, each once. */
function peersOf(
  { authority, graph, imap, pop3, smtp }: CheckedConnection,
  uses: readonly Use[],
  hasAuthority: boolean,
  { proxyFor }: PlanOptions,
): ServerPeer[] {
  const web = (service: 'authority' | 'graph', origin: string): ServerPeer => {
    const { hostname, port } = new URL(origin);
    const host = hostname.replace(/^\[|\]$/g, '');
    return { service, host, port: Number(port || 443), security: 'tls', proxy: proxyFor(origin) };
  };
  const services = new Set(uses.map(serviceOf));
  return [
    ...(hasAuthority ? [web('authority', authority)] : []),
    ...(services.has('graph') ? [web('graph', graph)] : []),
    ...(services.has('imap') ? [{ service: 'imap' as const, ...imap }] : []),
    ...(services.has('pop3') ? [{ service: 'pop3' as const, ...pop3 }] : []),
    ...(services.has('smtp') ? [{ service: 'smtp' as const, ...smtp }] : []),
  ];
}

function serviceOf(use: Use): ServerPeer['service'] {
  return use.kind === 'send' ? courierChecks[use.by].service : use.by;
}

function endpointHops(peer: ServerPeer, operations: CheckOperations): Hop[] {
  const target = `${serviceNames[peer.service]} ${peer.host}:${peer.port}`;
  const reach = `reach ${peer.service}`;
  return [
    {
      key: reach,
      name: 'reach',
      target,
      accounts: [],
      needs: ['configuration'],
      run: async () => ({ detail: await operations.reach(peer) }),
    },
    {
      key: `tls ${peer.service}`,
      name: 'tls',
      target,
      accounts: [],
      needs: [reach],
      run: async () =>
        peer.security === 'none'
          ? { notApplicable: 'without TLS, as configured' }
          : { detail: await operations.secure(peer) },
    },
  ];
}

/** One use for each permission: it is needed only once for many mailboxes. */
function firstOfEachKind(uses: readonly Use[]): Use[] {
  const first = new Map<string, Use>();
  for (const use of uses) {
    const kind = `${use.kind} ${use.by}`;
    if (!first.has(kind)) first.set(kind, use);
  }
  return [...first.values()];
}

function mailboxHop(context: MailboxContext, use: Use): Hop {
  if (use.kind === 'send') return courierChecks[use.by].hop(context, use);
  const { by: read } = use;
  return read === 'graph' ? graphHop(context, use) : readingHop(context, { ...use, by: read });
}

/** It is not known here who has a mailbox in a domain. */
function untriedHop(connection: string, { username, mailbox }: Pick<CheckedAccount, 'username' | 'mailbox'>): Hop {
  return {
    key: `untried ${username} ${mailbox}`,
    name: 'mailbox',
    target: mailbox,
    mailbox,
    accounts: [username],
    needs: [],
    run: async () => ({ notApplicable: `not tried: mailbridge check ${connection} --mailbox ADDRESS tries one` }),
  };
}

function sendersOf(accounts: readonly CheckedAccount[]): CheckedSender[] {
  return accounts.flatMap((account) => (account.send === undefined ? [] : [{ ...account, send: account.send }]));
}

function testHops(
  { accounts }: CheckedConnection,
  operations: CheckOperations,
  { sendTestTo: to, tested }: PlanOptions,
): Hop[] {
  if (to.length === 0) return [];
  // Each account sends one as its default mailbox, and one as each other address it lists.
  const names = accounts.map(({ username }) => username);
  const first = accounts.filter(({ username }, index) => names.indexOf(username) === index);
  return sendersOf(first).flatMap((account) => {
    const { username, send, mailbox } = account;
    // The bridge has sent one through the first open courier; only this shows whether the others are open.
    const left = tested.has(username) ? send.slice(1) : send;
    return left.flatMap((courier) => {
      const { service, key } = courierChecks[courier];
      const by = send.length > 1 ? ` by ${couriers[courier].shortName}` : '';
      return testedSenders(account).map(
        (as): Hop => ({
          key: `test ${username} ${courier} ${as?.address ?? ''}`,
          name: 'test-message',
          target: `${testTarget(account, to, as)}${by}`,
          accounts: [username],
          mailbox,
          needs: [`tls ${service}`, `token ${couriers[courier].resource}`, key(mailbox)],
          run: () => operations.sendTest(account, courier, to, as),
        }),
      );
    });
  });
}

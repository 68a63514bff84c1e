import { reachedMailboxes } from '../../accounts/account.ts';
import { allowedMailbox } from '../../accounts/account-login.ts';
import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { type ProxySettings, proxySettings } from '../../base/http/proxy.ts';
import { type Log, silentLog } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { Config, Connection } from '../../config/schema.ts';
import { exactAddresses, isPattern, mailboxAt } from '../../message/address/pattern.ts';
import { ownConnection, splitConnection } from '../../message/own-connection.ts';
import { type BegunHop, type HopResult, runHops } from '../../onboarding/check/hops/hop.ts';
import { planHops } from '../../onboarding/check/plan.ts';
import { proxyFor } from '../../onboarding/check/probes/proxy.ts';
import type { CheckedConnection } from '../../onboarding/check/subject.ts';
import type { SignInStore } from '../../tokens/sign-ins/store.ts';
import { CheckedUpstream } from './checked.ts';

import { type AskedQueue, pausedConnection } from './paused.ts';

import { hasOwnSignIns } from './tokens.ts';

export type { BegunHop, HopResult } from '../../onboarding/check/hops/hop.ts';

export interface CheckOptions {
  /**
   * A connection, the connection of a mailbox with its own sign-in (`ownConnection`), or the username of an account;
   * without it everything is checked.
   */
  readonly name?: string | undefined;
  /** Mailboxes to try, for accounts with `*@domain`. */
  readonly mailboxes?: readonly string[] | undefined;
  /** Addresses that a test message goes to, from each account that can send. */
  readonly sendTestTo?: readonly string[];
  /** Usernames of accounts that no longer need a test message. */
  readonly tested?: ReadonlySet<string>;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Replaces the sign-ins that connections keep: for one connection, by its name. */
  readonly signIn?: SignInStore | undefined;
  /** Set if instances share their sign-ins; undefined: they are files in the data folder. */
  readonly shared?: RecordTable | undefined;
  /** The queue of the bridge, which may have paused a connection; undefined: not consulted. */
  readonly queue?: AskedQueue;
  /** Where `HTTPS_PROXY` and `NO_PROXY` are looked up; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Called before each hop is tried. Must not throw. */
  readonly onBegin?: ((hop: BegunHop) => void) | undefined;
}

/**
 * Tries every hop of the connections and accounts of a configuration, each as soon as the one before is done. Tokens
 * are requested anew, so that they include permissions granted a moment ago.
 * @throws BridgeError `usage` for a name that the configuration does not have, and for a mailbox that no account
 * reaches; `proxy-invalid`
 */
export async function* checkConnections(config: Config, options: CheckOptions = {}): AsyncGenerator<HopResult> {
  const { clock = systemClock, log = silentLog, env = process.env, sendTestTo = [], tested = new Set() } = options;
  const { signIn, shared, queue, onBegin } = options;
  const proxy = proxySettings(config.proxy?.reveal(), env);
  for (const connection of selected(config, options.name, options.mailboxes ?? [])) {
    yield* checkOne(config, connection, { clock, log, env, sendTestTo, tested, proxy, signIn, shared, queue, onBegin });
  }
}

async function* checkOne(
  config: Config,
  connection: CheckedConnection,
  parts: {
    readonly clock: Clock;
    readonly log: Log;
    readonly env: NodeJS.ProcessEnv;
    readonly sendTestTo: readonly string[];
    readonly tested: ReadonlySet<string>;
    readonly proxy: ProxySettings | undefined;
    readonly signIn: SignInStore | undefined;
    readonly shared: RecordTable | undefined;
    readonly queue: AskedQueue | undefined;
    readonly onBegin: CheckOptions['onBegin'];
  },
): AsyncGenerator<HopResult> {
  const { queue } = parts;
  const upstream = new CheckedUpstream(connection, config, parts);
  try {
    const hops = planHops(connection, upstream, {
      proxyFor: (origin) => proxyFor(origin, parts.proxy),
      sendTestTo: parts.sendTestTo,
      tested: parts.tested,
      ...(queue && { paused: () => pausedConnection(queue, connection.name) }),
    });
    yield* runHops(connection.name, hops, parts.onBegin);
  } finally {
    await upstream.close();
  }
}

/** The selected connections, each with the selected accounts. @throws BridgeError `usage` */
function selected(config: Config, wanted: string | undefined, asked: readonly string[]): CheckedConnection[] {
  const { connection: name, owner } = wanted === undefined ? { connection: undefined } : splitConnection(wanted);
  const subjects = selectedOf(config, owner === undefined ? wanted : name, asked);
  return owner === undefined ? subjects : subjects.filter((subject) => subject.name === wanted);
}

function selectedOf(config: Config, name: string | undefined, asked: readonly string[]): CheckedConnection[] {
  const names = Object.keys(config.connections);
  const account = config.accounts.find(({ username }) => username.toLowerCase() === name?.toLowerCase());
  const isConnection = name !== undefined && names.includes(name);
  if (name !== undefined && !isConnection && !account) {
    throw new BridgeError('usage', `There is no connection and no account "${name}".`, {
      remedy: `The connections are: ${names.join(', ')}.`,
    });
  }
  const meant = isConnection ? [name] : account && name !== undefined ? [account.connection] : names;
  const accounts = account && !isConnection ? [account] : config.accounts;
  for (const address of asked) {
    if (accounts.some((each) => meant.includes(each.connection) && reached(each, address) !== undefined)) continue;
    throw new BridgeError('usage', `No account that is checked has the mailbox ${address}.`, {
      remedy: 'Name one that is in "mailboxes" of an account, or at the domain of a username such as *@contoso.com.',
    });
  }
  return meant.flatMap((each) => {
    const subject = subjectOf(config, each, accounts, asked);
    return hasOwnSignIns(config.connections[each]) ? ownSubjects(subject) : [subject];
  });
}

/** One for each mailbox that has its own sign-in; those that nobody names are reported as not tried. */
function ownSubjects(subject: CheckedConnection): CheckedConnection[] {
  const { name, accounts, untried } = subject;
  const mailboxes = [...new Set(accounts.map(({ mailbox }) => mailbox.toLowerCase()))];
  const own = mailboxes.map((mailbox) => ({
    ...subject,
    name: ownConnection(name, mailbox),
    accounts: accounts.filter((account) => account.mailbox.toLowerCase() === mailbox),
    untried: [],
  }));
  const isAnyUntried = own.length === 0 || (untried ?? []).length > 0;
  return isAnyUntried ? [...own, { ...subject, hasNoSignIn: true, accounts: [] }] : own;
}

function subjectOf(
  config: Config,
  name: string,
  accounts: Config['accounts'],
  asked: readonly string[],
): CheckedConnection {
  const connection = config.connections[name] as Connection;
  const { grant, tenantId, clientId } = connection;
  const actsAs = grant === 'client-credentials' || grant === 'managed-identity' ? 'app' : 'person';
  const own = accounts.filter((account) => account.connection === name);
  return {
    ...resolveCloud(connection.cloud, connection.tenantId),
    name,
    grant,
    actsAs,
    tenantId,
    clientId,
    accounts: own.flatMap((account) =>
      // The default mailbox, the first, is the one that sends as other addresses.
      exactAddresses(checkedMailboxes(account, asked)).map((mailbox, index) => ({
        ...account,
        mailbox,
        otherSenders: index === 0 ? account.otherSenders : [],
      })),
    ),
    untried: own.flatMap((account) =>
      checkedMailboxes(account, asked)
        .filter(isPattern)
        .map((mailbox) => ({ username: account.username, mailbox })),
    ),
  };
}

type AccountMailboxes = Pick<Config['accounts'][number], 'username' | 'mailbox' | 'mailboxes'>;

/**
 * The mailboxes of an account that are tried: those that it names, the default one first, and those asked for. Patterns
 * of which nobody has asked for one come last, because they are not tried.
 */
export function checkedMailboxes(account: AccountMailboxes, asked: readonly string[]): string[] {
  const found = asked.flatMap((address) => reached(account, address) ?? []);
  const patterns = reachedMailboxes(account).filter(isPattern);
  const untried = patterns.filter((pattern) => !asked.some((address) => mailboxAt(pattern, address) !== undefined));
  return [...new Set([...exactAddresses(account.mailboxes), ...found]), ...untried];
}

function reached(account: AccountMailboxes, address: string): string | undefined {
  return allowedMailbox(reachedMailboxes(account), address);
}

import { type CheckOptions, checkedMailboxes, type HopResult } from '../../app/connections/check.ts';
import type { Config } from '../../config/schema.ts';
import { isPattern } from '../../message/address/pattern.ts';
import type { Mark } from '../terminal/screen.ts';

type Account = Config['accounts'][number];

/** The state of a connection, or of a mailbox of an account. */
export interface Standing {
  readonly mark: Mark;
  readonly name: string;
  readonly mailbox: string;
  /** What it does, or why it does not, in a few words. */
  readonly text: string;
}

/** A connection and the accounts tried with it; or the bridge itself, which has none. */
export interface ConnectionStanding {
  readonly mark: Mark;
  readonly title: string;
  readonly accounts: readonly Standing[];
}

/**
 * The state of each connection that was tried, and of its accounts.
 * @param wanted.name what the check was limited to
 * @param wanted.mailboxes to try of those that the configuration does not name
 */
export function standings(
  config: Config,
  hops: readonly HopResult[],
  { name, mailboxes = [] }: Pick<CheckOptions, 'name' | 'mailboxes'> = {},
): ConnectionStanding[] {
  return [...Map.groupBy(hops, ({ connection }) => connection)].map(([connection, own]) => {
    if (connection === undefined) return bridgeStanding(own);
    const shared = own.filter(({ accounts }) => accounts === undefined);
    const all = config.accounts.filter((account) => account.connection === connection);
    const named = all.filter(({ username }) => username.toLowerCase() === name?.toLowerCase());
    const accounts = name === undefined || name === connection || named.length === 0 ? all : named;
    const title = `connection ${connection}`;
    const lines = accounts.flatMap((account) =>
      checkedMailboxes(account, mailboxes).map((mailbox) => standingOf(account, mailbox, own)),
    );
    return { mark: markOf(shared), title, accounts: lines };
  });
}

/** Everything on one line: failures are reported further down. */
function bridgeStanding(all: readonly HopResult[]): ConnectionStanding {
  // A failed test message is reported further down; the bridge may be fine.
  const hops = all.filter(({ hop }) => hop !== 'test-message');
  const bridge = hops.find(({ hop }) => hop === 'bridge');
  const listeners = hops.filter(({ hop }) => hop === 'listener');
  const answering = listeners.filter(({ status }) => status === 'ok').length;
  const sources = hops.filter(({ hop }) => hop === 'passwords');
  const usable = sources.filter(({ status }) => status === 'ok').length;
  const queue = hops.find(({ hop }) => hop === 'queue');
  const facts = [
    bridge?.status === 'ok' ? 'runs' : 'does not run',
    ...(listeners.length > 0 ? [`listeners: ${answering} of ${listeners.length} answer`] : []),
    ...(sources.length > 0 ? [`password sources: ${usable} of ${sources.length} answer`] : []),
    ...(queue?.detail === undefined ? [] : [`queue: ${queue.detail}`]),
  ];
  const mark = bridge?.status === 'skipped' && markOf(hops) === 'ok' ? 'skipped' : markOf(hops);
  return { mark, title: `bridge ${facts.join('; ')}`, accounts: [] };
}

/** @param mailbox one of the account's, or `*@domain`, which is not tried */
function standingOf(account: Account, mailbox: string, hops: readonly HopResult[]): Standing {
  const ofAccount = hops.filter(({ accounts }) => accounts?.includes(account.username));
  const own = ofAccount.filter((hop) => hop.mailbox === undefined || hop.mailbox === mailbox);
  const failed = own.find(({ status }) => status === 'failed');
  const untried = own.find(({ detail }) => detail?.startsWith('not tried'));
  const why = failed ? `${failed.hop} fails` : untried && (isPattern(mailbox) ? untried.detail : 'not tried');
  const mark = failed ? 'failed' : untried ? 'skipped' : markOf(own);
  const does = doesOf(account);
  return { mark, name: account.username, mailbox, text: why === undefined ? does : `${does}: ${why}` };
}

function doesOf({ send, read }: Account): string {
  const ways = [
    send === undefined ? '' : `sends by ${send.map(wayName).join(', else by ')}`,
    read === undefined ? '' : `reads by ${wayName(read)}`,
  ];
  return ways.filter((way) => way !== '').join(', ');
}

const wayNames: Readonly<Record<string, string>> = { graph: 'Graph', smtp: 'SMTP', imap: 'IMAP', pop3: 'POP3' };

function wayName(way: string): string {
  return wayNames[way] ?? way;
}

function markOf(hops: readonly HopResult[]): Mark {
  if (hops.some(({ status }) => status === 'failed')) return 'failed';
  return hops.some(({ warning }) => warning !== undefined) ? 'warning' : 'ok';
}

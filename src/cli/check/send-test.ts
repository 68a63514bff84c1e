import { setTimeout as delay } from 'node:timers/promises';
import { NetworkTable } from '../../accounts/networks.ts';
import { isDataFolderTaken } from '../../app/data-folder.ts';
import type { CommandQueue } from '../../app/queue-store.ts';
import { failure, hasFailed } from '../../app/set-up/test-message.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import { connectableHost } from '../../base/sockets/listening-host.ts';
import type { AccountConfig, Config } from '../../config/schema.ts';
import { isPattern } from '../../message/address/pattern.ts';
import type { OutgoingMessage } from '../../message/delivery.ts';
import type { OtherSender } from '../../message/sender-way.ts';
import { type Finding, type Hop, type HopResult, runHops } from '../../onboarding/check/hops/hop.ts';
import { type CheckedSender, testedSenders, testTarget } from '../../onboarding/check/subject.ts';
import { testMessage } from '../../onboarding/check/test-message.ts';
import { handOver } from '../sendmail/hand-over.ts';
import type { SendmailServer } from '../sendmail/server.ts';
import type { CliIo } from '../terminal/io.ts';
import { promptHidden } from '../terminal/prompt-hidden.ts';
import { tellWarning } from '../terminal/tell-error.ts';

/** An account whose test message goes through the running bridge, and how it is submitted there. */
export interface BridgeSender {
  readonly account: CheckedSender;
  readonly server: SendmailServer;
}

const maxPasswordBytes = 1024;
const patienceMs = 60_000;
const lookMs = 250;

/**
 * The accounts that can submit a message to the running bridge like their own programs do: the bridge knows this
 * machine by their networks, or the password is available or typed in. For the others the reason is shown on standard
 * error.
 * @param name a connection or an account; undefined: all of them
 * @param json whether a reason is an object
 */
export async function bridgeSenders(
  config: Config,
  name: string | undefined,
  io: CliIo,
  json: boolean,
): Promise<BridgeSender[]> {
  if (!isDataFolderTaken(config.dataDir)) return [];
  const listener = config.listeners.find(({ protocol, port }) => protocol === 'smtp' && port !== 0);
  const accounts = config.accounts.filter(
    // Nobody can log in here as one of many people.
    (account) => isMeant(account, name) && account.send !== undefined && !isPattern(account.username),
  );
  if (!listener || accounts.length === 0) return [];
  const host = connectableHost(listener.host);
  const known = new NetworkTable<AccountConfig>();
  for (const account of config.accounts) for (const network of account.networks ?? []) known.add(network, account);
  const { port, security, proxyProtocol } = listener;
  const place = { host, port, tls: security === 'tls', proxyProtocol };
  const senders: BridgeSender[] = [];
  for (const account of accounts) {
    const server = { ...place, sender: account.mailbox ?? '' };
    const checked = account as AccountConfig & CheckedSender;
    if (known.find(host) === account) {
      senders.push({ account: checked, server });
      continue;
    }
    const password = await passwordOf(account, io);
    if (password)
      senders.push({ account: checked, server: { ...server, login: { username: account.username, password } } });
    else {
      const why = 'the password that the bridge asks for is not in the configuration';
      tellWarning(
        io,
        `the test message of ${account.username} goes straight to Microsoft, past the bridge: ${why}`,
        json,
      );
    }
  }
  return senders;
}

function isMeant({ username, connection }: AccountConfig, name: string | undefined): boolean {
  return name === undefined || connection === name || username.toLowerCase() === name.toLowerCase();
}

/** The password in the configuration; a hash is no use, so the user is asked. */
async function passwordOf({ username, password, passwordFrom }: AccountConfig, io: CliIo): Promise<string | undefined> {
  const kept = password?.reveal();
  if (kept === undefined && passwordFrom === undefined) return undefined;
  if (kept !== undefined && !kept.startsWith('$scrypt$')) return kept;
  if (!io.stdin.isTTY) return undefined;
  return await promptHidden(io, `Password of ${username}, for the test message: `, maxPasswordBytes);
}

/** Sends a test message from each, and follows it until Microsoft has it. */
export function sendThroughBridge(
  queue: CommandQueue,
  senders: readonly BridgeSender[],
  to: readonly string[],
  nowMs: () => number,
): AsyncGenerator<HopResult> {
  const hops = senders.flatMap((sender): Hop[] => {
    const { account } = sender;
    return testedSenders(account).map((as) => ({
      key: `test ${account.username} ${as?.address ?? ''}`,
      name: 'test-message',
      target: testTarget(account, to, as),
      accounts: [account.username],
      needs: [],
      run: () =>
        send(queue, sender, { to, as, message: testMessage(account, account.send, to, nowMs(), as && asClient(as)) }),
    }));
  });
  return runHops(undefined, hops);
}

/** In the form a program sends it, which knows nothing about Exchange: the bridge adds what `on-behalf` needs. */
function asClient({ address }: OtherSender): OtherSender {
  return { address, as: 'send-as' };
}

interface BridgeTest {
  readonly to: readonly string[];
  /** A sender other than the mailbox. */
  readonly as: OtherSender | undefined;
  readonly message: OutgoingMessage;
}

async function send(
  queue: CommandQueue,
  { account, server }: BridgeSender,
  { to, as, message }: BridgeTest,
): Promise<Finding> {
  const where = `${server.host}:${server.port}`;
  const handed = { sender: as?.address ?? account.mailbox, recipients: to, content: message.open() };
  const { refused, reply } = await handOver(server, handed).catch((error: unknown) => {
    throw new BridgeError('test-message-refused', `The bridge did not accept the test message: ${errorText(error)}.`, {
      cause: error,
    });
  });
  if (refused.length > 0) {
    throw new BridgeError('test-message-refused', `The bridge refused ${refused.join(', ')}.`);
  }
  const id = /\bQueued as (\w+)/.exec(reply)?.[1];
  if (id === undefined) return { detail: `through the bridge at ${where}: ${reply.slice(0, 100)}` };
  return await followed(queue, id, `through the bridge at ${where} as ${id}`);
}

/** Polls a queued message until it is delivered, or its first attempt has failed. */
async function followed(queue: CommandQueue, id: string, way: string): Promise<Finding> {
  const store = await queue.open();
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookMs) {
    const message = await store.get(id);
    if (message?.state === 'delivered') return { detail: `delivered ${way}` };
    if (message && hasFailed(message)) throw failure(message);
    await delay(lookMs);
  }
  return { detail: `accepted ${way}`, warning: `It is still waiting in the queue: mailbridge queue show ${id}` };
}

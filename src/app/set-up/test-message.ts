import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Config } from '../../config/schema.ts';
import { answerText } from '../../message/answer-text.ts';
import type { Finding } from '../../onboarding/check/hops/hop.ts';
import { testMessage } from '../../onboarding/check/test-message.ts';
import type { QueuedMessage } from '../../queue/message.ts';
import type { Queue } from '../../queue/queue.ts';
import type { QueueStore } from '../../queue/store.ts';

/** The queue of a running bridge. */
export interface TestedQueue {
  readonly queue: Pick<Queue, 'spool'>;
  readonly store: Pick<QueueStore, 'get'>;
  readonly clock: Clock;
  config(): Config;
}

const patienceMs = 60_000;
const lookMs = 200;
const hourMs = 3_600_000;

/**
 * Queues a test message of an account, as if one of its programs had sent it.
 * @returns its id in the queue
 * @throws BridgeError `usage` for an account that does not send, or has no mailbox of its own; `queue-full`
 */
export async function queueTestMessage(
  { queue, clock, config }: Omit<TestedQueue, 'store'>,
  username: string,
  to: string,
): Promise<string> {
  const { accounts, queue: settings } = config();
  const account = accounts.find((each) => each.username.toLowerCase() === username.toLowerCase());
  const { mailbox, send } = account ?? {};
  if (!account || mailbox === undefined || send === undefined) {
    throw new BridgeError('usage', `Account ${username} sends as no mailbox of its own.`);
  }
  const nowMs = clock.now();
  const message = testMessage({ username, mailbox }, send, [to], nowMs);
  const spool = queue.spool();
  try {
    for await (const chunk of message.open()) await spool.write(chunk as Buffer);
    const { id } = await spool.commit({
      account: account.username,
      connection: account.connection,
      mailbox,
      courier: send[0],
      envelope: message.envelope,
      isBounce: false,
      receivedAtMs: nowMs,
      expiresAtMs: nowMs + settings.expireAfterHours * hourMs,
    });
    return id;
  } finally {
    await spool.discard();
  }
}

/**
 * Sends a test message, and follows it until it is delivered or its first attempt has failed.
 * @throws BridgeError `test-message-refused`, and as {@link queueTestMessage}
 */
export async function sendTestMessage(tested: TestedQueue, username: string, to: string): Promise<Finding> {
  const id = await queueTestMessage(tested, username, to);
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookMs) {
    const message = await tested.store.get(id);
    if (message?.state === 'delivered') return { detail: `Microsoft has taken it, as message ${id} of the queue` };
    if (message && hasFailed(message)) throw failure(message);
    await delay(lookMs);
  }
  return { detail: `accepted as ${id}`, warning: `It still waits in the queue: mailbridge queue show ${id}` };
}

/** Whether an attempt has failed, the first one included. */
export function hasFailed({ state, recipients }: QueuedMessage): boolean {
  return state !== 'queued' || recipients.some((recipient) => recipient.state !== 'delivered' && recipient.last);
}

/** What to tell of a test message that failed. */
export function failure({ id, recipients }: QueuedMessage): BridgeError {
  const last = recipients.find(({ state, last }) => state !== 'delivered' && last)?.last;
  const text = last ? answerText(last) : `see mailbridge queue show ${id}`;
  return new BridgeError('test-message-refused', `The test message, ${id} in the queue, is not delivered: ${text}`, {
    ...(last?.remedy === undefined ? {} : { remedy: last.remedy }),
    details: { spreading: last?.outcome === 'needs-admin' },
  });
}

import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError } from '../../base/errors.ts';
import { answerText } from '../../message/answer-text.ts';
import type { Finding } from '../../onboarding/check/hops/hop.ts';
import type { QueuedMessage } from '../../queue/message.ts';
import type { QueueStore } from '../../queue/store.ts';
import { queueTestMessage, type TestMessageParts } from '../admin/test-messages.ts';

/** The queue of a running bridge. */
export interface TestedQueue extends TestMessageParts {
  readonly store: Pick<QueueStore, 'get'>;
}

const patienceMs = 60_000;
const lookMs = 200;

/**
 * Sends a test message and follows it until it is delivered or its first attempt has failed.
 * @throws BridgeError `test-message-refused`, and as {@link queueTestMessage}
 */
export async function sendTestMessage(tested: TestedQueue, username: string, to: string): Promise<Finding> {
  const { accounts } = tested.state().config;
  const account = accounts.find((each) => each.username.toLowerCase() === username.toLowerCase());
  if (!account) throw new BridgeError('usage', `There is no account ${username}.`);
  const id = await queueTestMessage(tested, account, username, to);
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookMs) {
    const message = await tested.store.get(id);
    if (message?.state === 'delivered') return { detail: `Microsoft has accepted it, as message ${id} of the queue` };
    if (message && hasFailed(message)) throw failure(message);
    await delay(lookMs);
  }
  return { detail: `accepted as ${id}`, warning: `It is still waiting in the queue: mailbridge queue show ${id}` };
}

/** Whether an attempt has failed, including the first one. */
export function hasFailed({ state, recipients }: QueuedMessage): boolean {
  return state !== 'queued' || recipients.some((recipient) => recipient.state !== 'delivered' && recipient.last);
}

/** The error for a test message that failed. */
export function failure({ id, recipients }: QueuedMessage): BridgeError {
  const last = recipients.find(({ state, last }) => state !== 'delivered' && last)?.last;
  const text = last ? answerText(last) : `see mailbridge queue show ${id}`;
  return new BridgeError('test-message-refused', `The test message, ${id} in the queue, is not delivered: ${text}`, {
    ...(last?.remedy === undefined ? {} : { remedy: last.remedy }),
    details: { spreading: last?.outcome === 'needs-admin' },
  });
}

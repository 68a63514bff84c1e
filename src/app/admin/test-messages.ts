import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { AccountConfig } from '../../config/schema.ts';
import { testMessage } from '../../onboarding/check/test-message.ts';
import type { Queue } from '../../queue/queue.ts';
import type { BridgeState } from '../bridge-state.ts';
import { connectionTo } from '../connections/tokens.ts';

const hourMs = 3_600_000;

/** Where test messages go. */
export interface TestMessageParts {
  readonly queue: Pick<Queue, 'spool' | 'assertRoom'>;
  readonly clock: Clock;
  state(): BridgeState;
}

/**
 * Queues a small message as the account would send it.
 * @param login the sender: for an account for many, the address of one of its people
 * @returns the queue id
 * @throws BridgeError `usage` if the account may not send, `queue-full`
 */
export async function queueTestMessage(
  { queue, clock, state }: TestMessageParts,
  account: AccountConfig,
  login: string,
  to: string,
): Promise<string> {
  const { send } = account;
  const mailbox = account.mailbox ?? (login.includes('*') ? undefined : login);
  if (send === undefined)
    throw new BridgeError('usage', `Account ${account.username} may not send ("send" is missing).`);
  if (mailbox === undefined) {
    throw new BridgeError('usage', `${account.username} is many people, and a message is from one of them.`);
  }
  const nowMs = clock.now();
  const message = testMessage({ username: login, mailbox }, send, [to], nowMs);
  await queue.assertRoom(message.size);
  const spool = queue.spool();
  try {
    for await (const chunk of message.open()) await spool.write(chunk as Buffer);
    const queued = await spool.commit({
      account: account.username,
      connection: connectionTo(mailbox, account, state().config),
      mailbox,
      courier: send[0],
      envelope: message.envelope,
      subject: message.subject,
      messageId: message.messageId,
      isBounce: false,
      receivedAtMs: nowMs,
      expiresAtMs: nowMs + state().config.queue.expireAfterHours * hourMs,
    });
    return queued.id;
  } catch (error) {
    await spool.discard();
    throw error;
  }
}

import type { BridgeError } from '../base/errors.ts';
import type { OpenUpstream } from '../exchange/reading/connect.ts';
import type { HandOver } from '../line-protocol/session.ts';
import type { Client } from '../listeners/listener.ts';
import { duesOf } from './dues.ts';
import { failureAtEnd } from './ending.ts';
import { watchFirstAnswers } from './first-answers.ts';
import { join } from './join.ts';
import type { LoggedIn, ReadSessionOptions } from './login.ts';

/** From here on, only the first answers and the last words are examined, for the log. */
export function passThrough(
  { limits, log }: ReadSessionOptions,
  { closing }: Client,
  { account: { mailbox }, facts, leave }: LoggedIn,
  { socket, unread }: OpenUpstream,
): HandOver {
  const { idleTimeoutMs } = limits;
  return {
    kind: 'hand-over',
    async take(client) {
      log.info(facts, 'mailbox opened');
      const tell = (error: BridgeError): void => log.warn({ ...facts, error }, `${error.message} ${error.remedy}`);
      const watch = facts.protocol === 'imap' ? watchFirstAnswers(mailbox, tell) : undefined;
      const result = await join(
        client,
        { socket, unread },
        { idleTimeoutMs, closing, dues: duesOf(facts.protocol), ...(watch && { watch }) },
      );
      leave();
      const { lastWords: _, ...passed } = result;
      const failure = failureAtEnd(facts.protocol, mailbox, result);
      if (result.endedBy === 'stalled') {
        log.warn({ ...facts, ...passed }, 'client does not read its replies: connection closed');
      } else if (failure === undefined) log.info({ ...facts, ...passed }, 'mailbox closed');
      else log.warn({ ...facts, ...passed, error: failure }, `mailbox closed: ${failure.message}`);
    },
    abandon() {
      leave();
      socket.destroy();
    },
  };
}

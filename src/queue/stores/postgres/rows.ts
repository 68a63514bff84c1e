import type { ResultRow } from '../../../postgres/session.ts';
import type { QueuedMessage } from '../../message.ts';
import { damagedMessage, type MessageRow, messageOfRow } from '../rows.ts';

/** Columns of a message for {@link messageOf}; the tables are named m (of messages or everything) and u (unfinished). */
export const messageColumns = `m.id, m.account, m.connection, m.mailbox, m.courier, m.envelope, m.recipients,
  m.is_bounce, m.size, m.state, m.attempts, m.received_at, m.expires_at, m.next_attempt_at, m.finished_at, m.damage, m.subject,
  m.internet_message_id, m.notice_about, u.courier AS unfinished_courier, u.started_at AS unfinished_started_at`;

/** Where these columns come from. */
export const openMessages = 'mailbridge.messages m LEFT JOIN mailbridge.unfinished u ON u.message_id = m.id';
/** Delivered ones included. */
export const allMessages = 'mailbridge.everything m LEFT JOIN mailbridge.unfinished u ON u.message_id = m.id';

/** The message of a row. @param unreadable called for one that another version wrote, or nobody */
export function messageOf(row: ResultRow, unreadable: (id: string) => void): QueuedMessage {
  const known = { ...row, is_bounce: row.is_bounce === true ? 1 : 0, body_file: null } as unknown as MessageRow;
  try {
    return messageOfRow(known);
  } catch {
    unreadable(known.id);
    return damagedMessage(known);
  }
}

/**
 * A value as JSON for the server, which accepts neither NUL nor half of a surrogate pair: neither belongs in the stored
 * addresses and texts. They become U+FFFD.
 */
export function jsonOf(value: unknown): string {
  const text = JSON.stringify(value);
  if (!/\\u(?:0000|d[89a-f])/.test(text)) return text;
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'string' ? textOf(each) : each));
}

/** The same for one text. */
export function textOf(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

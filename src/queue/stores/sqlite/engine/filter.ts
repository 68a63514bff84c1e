import type { QueueFilter } from '../../../store.ts';

/** A condition without the WHERE keyword, and its parameters in order. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** A filter as a condition on the table of messages. */
export function filterCondition(filter: QueueFilter): Condition {
  const parts: Condition[] = [];
  const add = (sql: string, ...values: readonly (string | number)[]) => parts.push({ sql, values });
  const oneOf = (column: string, wanted: readonly string[]) =>
    add(`${column} IN (${wanted.map(() => '?').join(', ')})`, ...wanted);
  if (filter.ids) oneOf('id', filter.ids);
  if (filter.states) oneOf('state', filter.states);
  if (filter.account !== undefined) add('lower(account) = ?', filter.account.toLowerCase());
  if (filter.connection !== undefined) add('connection = ?', filter.connection);
  if (filter.mailbox !== undefined) add('lower(mailbox) = ?', filter.mailbox.toLowerCase());
  if (filter.receivedBeforeMs !== undefined) add('received_at < ?', filter.receivedBeforeMs);
  if (filter.receivedSinceMs !== undefined) add('received_at >= ?', filter.receivedSinceMs);
  if (filter.sender !== undefined) {
    const says = `folded(envelope ->> 'reversePath') GLOB ?`;
    add(`CASE WHEN json_valid(envelope) THEN ${says} ELSE FALSE END`, globPattern(filter.sender.toLowerCase()));
  }
  if (filter.subject !== undefined) add('instr(folded(subject), ?) > 0', filter.subject.toLowerCase());
  if (filter.messageId !== undefined) {
    add('instr(folded(internet_message_id), ?) > 0', filter.messageId.toLowerCase());
  }
  if (filter.noticeAbout !== undefined) add('notice_about = ?', filter.noticeAbout);
  if (filter.recipient !== undefined) {
    add(someRecipient(`lower(value ->> 'address') GLOB ?`), globPattern(filter.recipient.toLowerCase()));
  }
  if (filter.error !== undefined) {
    const wanted = filter.error.toLowerCase();
    const says = `lower(value ->> '$.last.code') = ? OR instr(lower(value ->> '$.last.text'), ?) > 0`;
    add(someRecipient(`value ->> 'state' <> 'delivered' AND (${says})`), wanted, wanted);
  }
  return {
    sql: parts.length > 0 ? parts.map(({ sql }) => sql).join(' AND ') : 'TRUE',
    values: parts.flatMap(({ values }) => values),
  };
}

/** A damaged row has no readable recipients and must not break the query for the others. */
function someRecipient(condition: string): string {
  return `CASE WHEN json_valid(recipients) THEN EXISTS (SELECT 1 FROM json_each(recipients) WHERE ${condition}) ELSE FALSE END`;
}

/** Only `*` is special here; SQLite's GLOB also knows `?` and `[`. */
function globPattern(text: string): string {
  return text.replace(/[?[]/g, '[$&]');
}

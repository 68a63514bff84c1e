import type { QueueFilter } from '../../store.ts';

/** A condition on m, a table of messages, without the WHERE keyword. */
export interface SqlCondition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** A filter as a condition on m, whose parameters are numbered from $1. */
export function filterCondition(filter: QueueFilter): SqlCondition {
  const values: unknown[] = [];
  const $ = (value: unknown) => `$${values.push(value)}`;
  const parts: string[] = [];
  if (filter.ids) parts.push(`m.id = ANY(${$(filter.ids)}::text[])`);
  if (filter.states) parts.push(stateCondition(filter.states));
  if (filter.account !== undefined) parts.push(`lower(m.account) = ${$(filter.account.toLowerCase())}`);
  if (filter.connection !== undefined) parts.push(`m.connection = ${$(filter.connection)}`);
  if (filter.mailbox !== undefined) parts.push(`lower(m.mailbox) = ${$(filter.mailbox.toLowerCase())}`);
  if (filter.receivedBeforeMs !== undefined) parts.push(`m.received_at < ${$(Math.ceil(filter.receivedBeforeMs))}`);
  if (filter.receivedSinceMs !== undefined) parts.push(`m.received_at >= ${$(Math.ceil(filter.receivedSinceMs))}`);
  if (filter.sender !== undefined) {
    parts.push(`lower(m.envelope ->> 'reversePath') LIKE lower(${$(likePattern(filter.sender))})`);
  }
  // The server folds both sides: which letters it knows depends on its locale.
  if (filter.subject !== undefined) parts.push(holds('m.subject', $(filter.subject)));
  if (filter.messageId !== undefined) parts.push(holds('m.internet_message_id', $(filter.messageId)));
  if (filter.noticeAbout !== undefined) parts.push(`m.notice_about = ${$(filter.noticeAbout)}`);
  if (filter.recipient !== undefined) {
    parts.push(someRecipient(`lower(r ->> 'address') LIKE ${$(likePattern(filter.recipient.toLowerCase()))}`));
  }
  if (filter.error !== undefined) {
    const wanted = $(filter.error.toLowerCase());
    const says = `lower(r #>> '{last,code}') = ${wanted} OR strpos(lower(r #>> '{last,text}'), ${wanted}) > 0`;
    parts.push(someRecipient(`r ->> 'state' <> 'delivered' AND (${says})`));
  }
  return { sql: parts.length > 0 ? parts.map((part) => `(${part})`).join(' AND ') : 'true', values };
}

function holds(column: string, part: string): string {
  return `strpos(lower(${column}), lower(${part}::text)) > 0`;
}

/** Written as literals: the planner then skips the table that cannot have a match. */
export function stateCondition(states: readonly string[] | undefined): string {
  if (!states) return 'true';
  const known = states.filter((state) => /^[a-z]+$/.test(state)).map((state) => `'${state}'`);
  return known.length > 0 ? `m.state IN (${known.join(', ')})` : 'false';
}

function someRecipient(condition: string): string {
  return `EXISTS (SELECT FROM jsonb_array_elements(m.recipients) r WHERE ${condition})`;
}

/** Only `*` is special here; LIKE has other special characters. */
function likePattern(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');
}

import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type {
  AttemptRecord,
  CourierKind,
  MessageState,
  NewMessage,
  QueuedMessage,
  QueuedRecipient,
} from '../message.ts';
import type { QueueFilter } from '../store.ts';

/** A row of the table of messages. */
export interface MessageRow {
  readonly id: string;
  readonly account: string;
  readonly connection: string;
  readonly mailbox: string;
  readonly courier: string;
  readonly envelope: string;
  readonly recipients: string;
  readonly is_bounce: number;
  readonly size: number;
  readonly body_file: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly received_at: number;
  readonly expires_at: number;
  readonly next_attempt_at: number;
  readonly finished_at: number | null;
}

/** The message that a row stands for. */
export function messageOfRow(row: MessageRow): QueuedMessage {
  const recipients = JSON.parse(row.recipients) as QueuedRecipient[];
  return {
    id: row.id,
    account: row.account,
    connection: row.connection,
    mailbox: row.mailbox,
    courier: row.courier as CourierKind,
    envelope: { ...JSON.parse(row.envelope), recipients: recipients.map(envelopeRecipient) },
    recipients,
    isBounce: row.is_bounce === 1,
    size: row.size,
    state: row.state as MessageState,
    attempts: row.attempts,
    receivedAtMs: row.received_at,
    expiresAtMs: row.expires_at,
    nextAttemptAtMs: row.next_attempt_at,
    ...(row.finished_at === null ? {} : { finishedAtMs: row.finished_at }),
  };
}

function envelopeRecipient(recipient: QueuedRecipient): EnvelopeRecipient {
  return recipient.dsn ? { address: recipient.address, dsn: recipient.dsn } : { address: recipient.address };
}

/** A new message as it stands in the queue before its first attempt. */
export function queuedMessage(id: string, message: NewMessage, size: number): QueuedMessage {
  return {
    ...message,
    id,
    size,
    state: 'queued',
    recipients: message.envelope.recipients.map((recipient) => ({ ...recipient, state: 'pending' })),
    attempts: 0,
    nextAttemptAtMs: message.receivedAtMs,
  };
}

/** The envelope column: all but the recipients. */
export function envelopeColumn({ recipients: _, ...rest }: NewMessage['envelope']): string {
  return JSON.stringify(rest);
}

/** A row of the table of attempts. */
export interface AttemptRow {
  readonly started_at: number;
  readonly duration_ms: number;
  readonly upstream_id: string | null;
  readonly outcomes: string;
}

export function attemptOfRow(row: AttemptRow): AttemptRecord {
  return {
    startedAtMs: row.started_at,
    durationMs: row.duration_ms,
    ...(row.upstream_id === null ? {} : { upstreamId: row.upstream_id }),
    outcomes: JSON.parse(row.outcomes),
  };
}

/** A filter as the condition of a WHERE clause with its parameters. */
export function filterCondition(filter: QueueFilter): { readonly sql: string; readonly values: readonly string[] } {
  const conditions: string[] = [];
  const values: string[] = [];
  const oneOf = (column: string, wanted: readonly string[]) => {
    conditions.push(`${column} IN (${wanted.map(() => '?').join(', ')})`);
    values.push(...wanted);
  };
  if (filter.ids) oneOf('id', filter.ids);
  if (filter.states) oneOf('state', filter.states);
  if (filter.account !== undefined) oneOf('account', [filter.account]);
  if (filter.mailbox !== undefined) oneOf('lower(mailbox)', [filter.mailbox.toLowerCase()]);
  if (filter.recipient !== undefined) {
    conditions.push(`EXISTS (SELECT 1 FROM json_each(recipients) WHERE lower(value ->> 'address') = ?)`);
    values.push(filter.recipient.toLowerCase());
  }
  return { sql: conditions.length > 0 ? conditions.join(' AND ') : 'TRUE', values };
}

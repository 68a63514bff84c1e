import { type CourierKind, courierKindOf, courierKinds } from '../../message/courier-kind.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import {
  type AttemptRecord,
  type MessageState,
  messageStates,
  type NewMessage,
  type QueuedMessage,
  type QueuedRecipient,
} from '../message.ts';

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
  readonly damage: string | null;
  readonly subject: string | null;
  readonly internet_message_id: string | null;
  readonly notice_about: string | null;
  readonly unfinished_courier: string | null;
  /** NULL if no attempt is unfinished. */
  readonly unfinished_started_at: number | null;
}

/** Columns of messages for {@link MessageRow}. */
export const messageColumns = `messages.*, unfinished.courier AS unfinished_courier,
  unfinished.started_at AS unfinished_started_at
  FROM messages LEFT JOIN unfinished ON message_id = id`;

/**
 * The message in a row.
 * @throws Error if the row was not written by this code
 */
export function messageOfRow(row: MessageRow): QueuedMessage {
  const state = messageStates.find((each) => each === row.state);
  const courier = courierKindOf(row.courier);
  if (!state || !courier) throw new Error('unknown state or courier');
  return message(row, state, courier, readRecipients(row.recipients), readEnvelope(row.envelope));
}

/** What can still be read of a row that {@link messageOfRow} cannot read. */
export function damagedMessage(row: MessageRow): QueuedMessage {
  const envelope = { reversePath: '', eightBit: true, smtpUtf8: false };
  const damage = row.damage ?? unreadableEntry;
  return { ...message(row, 'quarantined', courierKinds[0], [], envelope), damage };
}

/** What is wrong with a row that {@link messageOfRow} cannot read. */
export const unreadableEntry = 'Its entry in the database cannot be read.';

function message(
  row: MessageRow,
  state: MessageState,
  courier: CourierKind,
  recipients: readonly QueuedRecipient[],
  envelope: Omit<NewMessage['envelope'], 'recipients'>,
): QueuedMessage {
  return {
    id: row.id,
    account: row.account,
    connection: row.connection,
    mailbox: row.mailbox,
    courier,
    envelope: { ...envelope, recipients: recipients.map(envelopeRecipient) },
    recipients,
    isBounce: row.is_bounce === 1,
    size: row.size,
    state,
    attempts: row.attempts,
    receivedAtMs: row.received_at,
    expiresAtMs: row.expires_at,
    nextAttemptAtMs: row.next_attempt_at,
    ...(row.finished_at === null ? {} : { finishedAtMs: row.finished_at }),
    ...(row.damage === null ? {} : { damage: row.damage }),
    ...(row.subject === null ? {} : { subject: row.subject }),
    ...(row.internet_message_id === null ? {} : { messageId: row.internet_message_id }),
    ...(row.notice_about === null ? {} : { noticeAbout: row.notice_about }),
    ...unfinishedOf(row),
  };
}

function unfinishedOf({
  unfinished_started_at: startedAtMs,
  unfinished_courier,
}: MessageRow): Pick<QueuedMessage, 'unfinished'> {
  const courier = courierKindOf(unfinished_courier);
  return startedAtMs === null ? {} : { unfinished: { startedAtMs, ...(courier && { courier }) } };
}

function readRecipients(json: string): QueuedRecipient[] {
  const recipients: unknown = JSON.parse(json);
  if (!Array.isArray(recipients) || !recipients.every((each) => typeof each?.address === 'string')) {
    throw new Error('not a list of recipients');
  }
  return recipients as QueuedRecipient[];
}

function readEnvelope(json: string): Omit<NewMessage['envelope'], 'recipients'> {
  const envelope = JSON.parse(json) as NewMessage['envelope'] | null;
  if (typeof envelope?.reversePath !== 'string') throw new Error('not an envelope');
  return envelope;
}

function envelopeRecipient(recipient: QueuedRecipient): EnvelopeRecipient {
  return recipient.dsn ? { address: recipient.address, dsn: recipient.dsn } : { address: recipient.address };
}

/** A new message as queued, before its first attempt. */
export function queuedMessage(id: string, { earlier = [], ...message }: NewMessage, size: number): QueuedMessage {
  const outcomes = new Map(earlier.map(({ address, ...last }) => [address, last]));
  return {
    ...message,
    id,
    size,
    state: 'queued',
    recipients: message.envelope.recipients.map((recipient): QueuedRecipient => {
      const last = outcomes.get(recipient.address);
      return { ...recipient, state: 'pending', ...(last && { last }) };
    }),
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
  readonly courier: string | null;
  readonly passed_over: string | null;
}

export function attemptOfRow(row: AttemptRow): AttemptRecord {
  const courier = courierKindOf(row.courier);
  return {
    startedAtMs: row.started_at,
    durationMs: row.duration_ms,
    ...(row.upstream_id === null ? {} : { upstreamId: row.upstream_id }),
    outcomes: JSON.parse(row.outcomes),
    ...(courier && { courier }),
    ...(row.passed_over !== null && { passedOver: JSON.parse(row.passed_over) }),
  };
}

import type { MessageDetail, ToldMessage } from '../../admin/api/messages/schemas.ts';
import { errorCatalogue } from '../../base/error-catalogue.ts';
import { answerText } from '../../message/answer-text.ts';
import type { Waiting } from '../../queue/attempts/waiting.ts';
import type { AttemptRecord, QueuedMessage, QueuedRecipient } from '../../queue/message.ts';
import { hopsOf, type MessageHop } from '../tracing/hops.ts';

/** A message as listed. */
export function toldMessage(message: QueuedMessage): ToldMessage {
  const { id, state, account, connection, mailbox, courier, envelope, recipients, size, attempts } = message;
  const last = lastOf(recipients.find((each) => each.state !== 'delivered' && each.last));
  return {
    ...{ id, state, account, connection, mailbox, courier, attempts },
    sender: envelope.reversePath,
    recipients: recipients.map(({ address, state }) => ({ address, state })),
    subject: message.subject ?? null,
    messageId: message.messageId ?? null,
    bytes: size,
    receivedAt: moment(message.receivedAtMs),
    ...(state === 'queued' && { nextAttemptAt: moment(message.nextAttemptAtMs) }),
    ...(message.finishedAtMs !== undefined && { finishedAt: moment(message.finishedAtMs) }),
    ...(last && { last }),
  };
}

/** What is known about a message besides itself. */
export interface DetailFacts {
  readonly attempts: readonly AttemptRecord[];
  readonly waiting: Waiting | undefined;
  /** A hop for each notice about it. */
  readonly notices: readonly MessageHop[];
  /** The message that this notice is about, if it is still kept. */
  readonly about: Pick<QueuedMessage, 'state'> | undefined;
}

/** A message with everything known about it. */
export function toldDetail(message: QueuedMessage, { attempts, waiting, notices, about }: DetailFacts): MessageDetail {
  const { envelope, recipients, damage, noticeAbout } = message;
  return {
    ...toldMessage(message),
    hops: hopsOf({ message, attempts, waiting, notices }),
    ...(noticeAbout !== undefined && { noticeAbout: { id: noticeAbout, state: about?.state ?? null } }),
    attemptLog: attempts.map(toldAttempt),
    envelope: {
      sender: envelope.reversePath,
      recipients: recipients.map(toldRecipient),
      eightBit: envelope.eightBit,
      smtpUtf8: envelope.smtpUtf8,
      ...(envelope.dsn?.envid !== undefined && { envelopeId: envelope.dsn.envid }),
    },
    ...(waiting && { waiting: { kind: waiting.kind, until: moment(waiting.untilMs), reason: waiting.reason } }),
    ...(damage !== undefined && { damage }),
    hasContent: message.state !== 'delivered',
  };
}

function toldRecipient(recipient: QueuedRecipient): MessageDetail['envelope']['recipients'][number] {
  const { address, state, dsn } = recipient;
  const last = lastOf(recipient);
  return { address, state, ...(last && { last }), ...(dsn?.notify && { notify: [...dsn.notify] }) };
}

function toldAttempt(attempt: AttemptRecord): MessageDetail['attemptLog'][number] {
  const { startedAtMs, durationMs, courier, upstreamId, outcomes, passedOver = [] } = attempt;
  return {
    startedAt: moment(startedAtMs),
    durationMs,
    courier: courier ?? null,
    upstreamId: upstreamId ?? null,
    outcomes: outcomes.map(({ address, outcome, code, text, remedy }) => ({
      ...{ address, state: outcome, code, text, reply: answerText({ code, text }), saidBy: saidBy(code) },
      ...(remedy !== undefined && { remedy }),
    })),
    passedOver: passedOver.map(({ courier, code, text }) => ({ courier, code, text })),
  };
}

/** The bridge's own statements have a code of its own catalogue. */
function saidBy(code: string): 'microsoft' | 'bridge' {
  return Object.hasOwn(errorCatalogue, code) ? 'bridge' : 'microsoft';
}

function lastOf(recipient: QueuedRecipient | undefined): ToldMessage['last'] {
  const { code, text, remedy } = recipient?.last ?? {};
  if (code === undefined || text === undefined) return undefined;
  return { code, text, ...(remedy !== undefined && { remedy }) };
}

function moment(ms: number): string {
  return new Date(ms).toISOString();
}

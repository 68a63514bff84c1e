import { answerText } from '../../message/answer-text.ts';
import type { Waiting } from '../../queue/attempts/waiting.ts';
import type { FollowUp } from '../../queue/follow-ups/follow-up.ts';
import type { AttemptRecord, QueuedMessage } from '../../queue/message.ts';
import type { Drops } from '../../submission/duplicate-drops.ts';

/** A step in the life of a message. */
export interface MessageHop {
  /** ISO 8601; null if unknown. */
  readonly at: string | null;
  readonly what:
    | 'accepted'
    | 'queued'
    | 'duplicate'
    | 'attempt'
    | 'notice'
    | 'waits'
    | 'held'
    | 'quarantined'
    | 'delivered'
    | 'failed'
    | 'follow-up';
  readonly detail: string;
  /** The queue id of another message that the hop refers to: a notice, or what a notice is about. */
  readonly message?: string;
}

/** Everything known about the way of a message. */
export interface TracedFacts {
  readonly message: QueuedMessage;
  readonly attempts: readonly AttemptRecord[];
  readonly waiting: Waiting | undefined;
  readonly dropped?: Drops | undefined;
  readonly followUp?: FollowUp | undefined;
  /** A hop for each, oldest first. */
  readonly notices?: readonly MessageHop[];
}

/** The way of a message so far, and what comes next. */
export function hopsOf({ message, attempts, waiting, dropped, followUp, notices = [] }: TracedFacts): MessageHop[] {
  const { state, finishedAtMs, unfinished } = message;
  const steps: MessageHop[] = [
    ...attempts.map((attempt) => attemptHop(attempt)),
    ...(unfinished ? [unfinishedHop(unfinished)] : []),
    ...(finishedAtMs !== undefined && (state === 'delivered' || state === 'failed')
      ? [{ at: moment(finishedAtMs), what: state, detail: finishedText(message) }]
      : []),
  ];
  return [
    acceptedHop(message),
    { at: moment(message.receivedAtMs), what: 'queued', detail: queuedText(message) },
    ...(dropped ? [{ at: moment(dropped.lastAtMs), what: 'duplicate' as const, detail: droppedText(dropped) }] : []),
    ...withNotices(steps, notices),
    ...(waiting ? [{ at: moment(waiting.untilMs), what: 'waits' as const, detail: waiting.reason }] : []),
    ...(state === 'held' ? [{ at: null, what: state, detail: 'until an administrator releases it' }] : []),
    ...(state === 'quarantined' ? [{ at: null, what: state, detail: message.damage ?? 'It is damaged.' }] : []),
    ...(followUp ? [followUpHop(followUp)] : []),
  ];
}

/**
 * Puts each notice after the last step that was not after it. Steps stay in order, whatever the clock did meanwhile.
 */
function withNotices(steps: readonly MessageHop[], notices: readonly MessageHop[]): MessageHop[] {
  const behind = Map.groupBy(notices, (notice) =>
    steps.findLastIndex(({ at }) => at !== null && (notice.at === null || at <= notice.at)),
  );
  return [...(behind.get(-1) ?? []), ...steps.flatMap((step, index) => [step, ...(behind.get(index) ?? [])])];
}

function acceptedHop(message: QueuedMessage): MessageHop {
  const { noticeAbout, receivedAtMs } = message;
  return {
    ...{ at: moment(receivedAtMs), what: 'accepted', detail: acceptedText(message) },
    ...(noticeAbout !== undefined && { message: noticeAbout }),
  };
}

function acceptedText({ isBounce, noticeAbout, account, envelope, size }: QueuedMessage): string {
  const { client, reversePath } = envelope;
  const about = noticeAbout === undefined ? '' : `, about message ${noticeAbout}`;
  const from = isBounce ? `made by the bridge${about}` : clientText(client);
  return `${from}, account ${account}, from <${reversePath}>, ${size} bytes`;
}

function clientText(client: QueuedMessage['envelope']['client']): string {
  return client ? `from ${client.address} at port ${client.port}` : 'from a client';
}

function queuedText({ mailbox, connection, courier, recipients }: QueuedMessage): string {
  const to = recipients.map(({ address }) => `<${address}>`);
  const more = to.length > 3 ? ` and ${to.length - 3} more` : '';
  return `for mailbox ${mailbox} over ${connection}, by ${courier}, to ${to.slice(0, 3).join(' ')}${more}`;
}

function droppedText({ count }: Drops): string {
  return count === 1 ? 'it came once more, and was dropped' : `it came ${count} times more, and was dropped`;
}

function attemptHop(attempt: AttemptRecord): MessageHop {
  const { startedAtMs, durationMs, courier, upstreamId, outcomes, passedOver = [] } = attempt;
  const said = Map.groupBy(outcomes, (each) => `${each.outcome}: ${answerText(each)}`);
  const answers = [...said].map(([what, who]) => (who.length === outcomes.length ? what : `${who.length} × ${what}`));
  const head = [
    ...(courier ? [`by ${courier}`] : []),
    `${durationMs} ms`,
    ...(upstreamId === undefined ? [] : [`id ${upstreamId}`]),
  ];
  const others = passedOver.map(({ courier, code, text }) => `not by ${courier}: ${answerText({ code, text })}`);
  const detail = `${head.join(', ')}; ${[...answers, ...others].join('; ')}`;
  return { at: moment(startedAtMs), what: 'attempt', detail };
}

function unfinishedHop({ startedAtMs, courier }: NonNullable<QueuedMessage['unfinished']>): MessageHop {
  const by = courier ? `by ${courier}, ` : '';
  return { at: moment(startedAtMs), what: 'attempt', detail: `${by}under way, or its end is not known` };
}

function finishedText({ recipients }: QueuedMessage): string {
  const failed = recipients.filter(({ state }) => state === 'failed').length;
  if (failed === 0) return 'Microsoft 365 has accepted it for every recipient';
  return `given up for ${failed} of ${recipients.length}; notices went to those who asked for them`;
}

function followUpHop({ dueAtMs, tries }: FollowUp): MessageHop {
  const tried = tries === 0 ? '' : `, tried ${tries} times`;
  return { at: moment(dueAtMs), what: 'follow-up', detail: `its copy in Sent Items is to be removed${tried}` };
}

function moment(ms: number): string {
  return new Date(ms).toISOString();
}

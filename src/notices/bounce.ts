import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { errorCatalogue } from '../base/error-catalogue.ts';
import type { CourierKind } from '../message/courier-kind.ts';
import type { RecipientOutcome } from '../message/delivery.ts';
import { HeaderBlock } from '../message/header/fields.ts';
import { listedHeader } from '../message/header/listed.ts';
import { messageStart } from '../message/message-start.ts';
import { deliveryStatusMessage } from '../message/report/delivery-status.ts';
import type { ReportedRecipient } from '../message/report/facts.ts';
import { isAscii } from '../message/safe-text.ts';
import type { Verdict } from '../queue/attempts/verdict.ts';
import type { Notice, QueuedMessage } from '../queue/message.ts';
import { isAnswer, isAutomatic } from './automatic-message.ts';
import { handedIn, type NoticeAddresses, type PlannedNotice, plannedBounces, plannedWarning } from './readers.ts';

/** What notices need to know about a courier. */
export interface NoticeTraits {
  /** Type of a diagnostic code in the upstream's own words (RFC 3464 section 2.3.6). */
  readonly diagnosticType: string;
  /** The upstream gets NOTIFY and itself reports that it took a message. */
  readonly passesDsn: boolean;
}

export interface BounceOptions {
  readonly hostname: string;
  readonly clock: Clock;
  readonly expireAfterMs: number;
  /** Whether the queue keeps subjects. */
  readonly keepsSubjects: boolean;
  readonly couriers: Readonly<Record<CourierKind, NoticeTraits>>;
  /** The enhanced status (RFC 3463) that describes a refusal best. */
  statusOf(outcome: Pick<RecipientOutcome, 'code' | 'outcome'>): string;
  /** Opens the message reported on. */
  open(id: string): Promise<Readable>;
  /** Host name of the upstream a message goes to. */
  remoteMta?(message: QueuedMessage): string | undefined;
  /** Who is notified apart from the sender; default: nobody. */
  addresses?(message: QueuedMessage): NoticeAddresses;
}

type Notify = 'SUCCESS' | 'FAILURE' | 'DELAY';

const returnedHeaderBytes = 64 * 1024;
/** Of a larger message only the header is returned, whatever RET says: RFC 3461 section 4.3 leaves that to us. */
const returnedMessageBytes = 1024 * 1024;

/**
 * Composes the bounces of what an attempt has settled (RFC 3464), to be sent as the mailbox to the reverse-path and
 * others, with the null reverse-path. They cover recipients given up, and recipients served if the sender asked for
 * that and the upstream does not support it. None for a report or an answer, for the sender of a null reverse-path, or
 * for recipients that the sender did not want reports on (RFC 3461 section 4.1).
 */
export async function composeBounces(
  message: QueuedMessage,
  verdict: Pick<Verdict, 'failed' | 'delivered'>,
  options: BounceOptions,
): Promise<readonly Notice[]> {
  const failed = verdict.failed.map((outcome) => failedRecipient(message, outcome, options));
  const wanted = failed.filter(({ address }) => wants(message, address, 'FAILURE', true));
  const { passesDsn, diagnosticType } = options.couriers[message.courier];
  // Such a courier may hand a single message to SMTP: then Exchange knows of the request.
  const served = passesDsn ? [] : verdict.delivered.filter(({ text }) => !isSmtpReply(text));
  const relayed = served
    .filter(({ address }) => wants(message, address, 'SUCCESS', false))
    .map(
      ({ address, text }) =>
        ({
          ...identity(message, address),
          action: 'relayed',
          status: '2.0.0',
          diagnostic: `${diagnosticType}; ${text}`,
        }) as const,
    );
  const planned = plannedBounces(message, { failed, wanted, relayed }, addressesFor(message, options));
  return await compose(message, planned, options);
}

/**
 * The warning that a message has not been delivered yet, and until when it will be tried. Undefined if nobody wants it
 * or nobody is there to read it.
 */
export async function composeDelayWarning(message: QueuedMessage, options: BounceOptions): Promise<Notice | undefined> {
  const waiting = message.recipients.filter(
    ({ address, state }) => state === 'pending' && wants(message, address, 'DELAY', true),
  );
  const recipients = waiting.map(({ address, last }): ReportedRecipient => {
    const cause = last ?? { outcome: 'temporary', code: 'waiting', text: 'It waits in the queue.' };
    return {
      ...identity(message, address),
      action: 'delayed',
      status: last ? options.statusOf({ ...cause, outcome: 'temporary' }) : '4.4.0',
      diagnostic: diagnostic(options.couriers[message.courier], cause),
      ...(cause.remedy === undefined ? {} : { remedy: cause.remedy }),
    };
  });
  const [warning] = await compose(
    message,
    plannedWarning(message, recipients, addressesFor(message, options)),
    options,
  );
  return warning;
}

function addressesFor(message: QueuedMessage, { addresses }: BounceOptions): NoticeAddresses {
  return addresses?.(message) ?? {};
}

/** A notice for each reader; none about a notice, or a message that is an answer. */
async function compose(
  message: QueuedMessage,
  planned: readonly PlannedNotice[],
  options: BounceOptions,
): Promise<readonly Notice[]> {
  if (message.isBounce || planned.length === 0) return [];
  const isWhole = planned.some((notice) => returnsWhole(message, notice));
  const original = await messageStart(await options.open(message.id), isWhole ? message.size + 1 : returnedHeaderBytes);
  const header = HeaderBlock.parse(original.subarray(0, returnedHeaderBytes));
  if (isAnswer(header)) return [];
  const isQuiet = isAutomatic(header);
  return planned
    .filter((notice) => !isQuiet || hasFailed(notice))
    .map((notice) => noticeOf(message, notice, { original, header }, options));
}

function hasFailed({ recipients }: PlannedNotice): boolean {
  return recipients.some(({ action }) => action === 'failed');
}

function returnsWhole({ envelope, size }: QueuedMessage, notice: PlannedNotice): boolean {
  return notice.forSender && hasFailed(notice) && envelope.dsn?.ret === 'FULL' && size <= returnedMessageBytes;
}

interface Reported {
  /** The message, or its beginning. */
  readonly original: Buffer;
  readonly header: HeaderBlock;
}

function noticeOf(
  message: QueuedMessage,
  notice: PlannedNotice,
  { original, header }: Reported,
  options: BounceOptions,
): Notice {
  const { dsn, smtpUtf8 } = message.envelope;
  const { to, recipients } = notice;
  const returnWhole = returnsWhole(message, notice);
  const now = options.clock.now();
  const remoteMta = options.remoteMta?.(message);
  const content = deliveryStatusMessage({
    reportingMta: options.hostname,
    from: message.mailbox,
    to,
    ...(notice.forAdministrator && { handedIn: handedIn(message, header) }),
    ...(dsn?.envid === undefined ? {} : { envid: dsn.envid }),
    ...(remoteMta === undefined ? {} : { remoteMta }),
    arrivalDate: new Date(message.receivedAtMs),
    originalHeaders: returnWhole ? original : original.subarray(0, returnedHeaderBytes),
    returnWhole,
    recipients,
    willRetryUntil: new Date(message.expiresAtMs),
    date: new Date(now),
  });
  const { subject, ...listed } = listedHeader(HeaderBlock.parse(content));
  return {
    content,
    message: {
      account: message.account,
      connection: message.connection,
      mailbox: message.mailbox,
      courier: message.courier,
      envelope: {
        reversePath: '',
        recipients: [{ address: to }],
        eightBit: content.some((octet) => octet > 0x7f),
        smtpUtf8: smtpUtf8 || !isAscii(to),
      },
      isBounce: true,
      noticeAbout: message.id,
      receivedAtMs: now,
      expiresAtMs: now + options.expireAfterMs,
      ...listed,
      ...(options.keepsSubjects && subject !== undefined && { subject }),
    },
  };
}

function failedRecipient(
  message: QueuedMessage,
  outcome: RecipientOutcome,
  { couriers, statusOf }: BounceOptions,
): ReportedRecipient {
  return {
    ...identity(message, outcome.address),
    action: 'failed',
    // A recipient that was only deferred has failed because its time is over (RFC 3463 section 3.5: 4.7).
    status: outcome.outcome === 'permanent' ? statusOf(outcome) : '5.4.7',
    diagnostic: diagnostic(couriers[message.courier], outcome),
    ...(outcome.remedy === undefined ? {} : { remedy: outcome.remedy }),
  };
}

/** Whether the sender wants this report: by NOTIFY, else by default. */
function wants(message: QueuedMessage, address: string, what: Notify, usual: boolean): boolean {
  const notify = message.recipients.find((each) => each.address === address)?.dsn?.notify;
  return notify?.includes(what) ?? usual;
}

function identity(message: QueuedMessage, address: string): Pick<ReportedRecipient, 'address' | 'orcpt'> {
  const orcpt = message.recipients.find((each) => each.address === address)?.dsn?.orcpt;
  return orcpt === undefined ? { address } : { address, orcpt };
}

/** Microsoft's own words, or ours with our code. */
function diagnostic({ diagnosticType }: NoticeTraits, { code, text }: Pick<RecipientOutcome, 'code' | 'text'>): string {
  if (code in errorCatalogue || !/^\d{3} /.test(text)) return `x-mailbridge; ${code} ${text}`;
  return `${isSmtpReply(text) ? 'smtp' : diagnosticType}; ${text}`;
}

/** `550 5.7.60 …`: with an enhanced status, unlike the texts of any other upstream. */
function isSmtpReply(text: string): boolean {
  return /^\d{3} [245]\.\d{1,3}\.\d{1,3}\b/.test(text);
}

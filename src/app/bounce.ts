import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { RecipientOutcome } from '../message/delivery.ts';
import { deliveryStatusMessage, type ReportedRecipient } from '../message/delivery-status.ts';
import type { NewMessage, QueuedMessage } from '../queue/message.ts';
import type { Verdict } from '../queue/verdict.ts';

export interface BounceOptions {
  readonly hostname: string;
  readonly clock: Clock;
  readonly expireAfterMs: number;
  /** The message reported on. */
  open(id: string): Readable;
}

const returnedBytes = 64 * 1024;

/**
 * The notification of recipients given up (RFC 3464), to be sent as the mailbox to the reverse-path, itself with the
 * null reverse-path. Undefined where there is nobody to tell: a null reverse-path, a bounce, or recipients whose
 * failure the sender did not want to hear of (RFC 3461 section 4.1).
 */
export async function composeBounce(
  message: QueuedMessage,
  verdict: Verdict,
  options: BounceOptions,
): Promise<{ message: NewMessage; content: Buffer } | undefined> {
  const { reversePath } = message.envelope;
  if (message.isBounce || reversePath === '') return undefined;
  const recipients = verdict.failed.flatMap((outcome) => reported(message, outcome));
  if (recipients.length === 0) return undefined;
  const now = options.clock.now();
  const envid = message.envelope.dsn?.envid;
  const content = deliveryStatusMessage({
    reportingMta: options.hostname,
    from: message.mailbox,
    to: reversePath,
    ...(envid === undefined ? {} : { envid }),
    arrivalDate: new Date(message.receivedAtMs),
    originalHeaders: await beginning(options.open(message.id), returnedBytes),
    recipients,
    date: new Date(now),
  });
  return {
    content,
    message: {
      account: message.account,
      connection: message.connection,
      mailbox: message.mailbox,
      courier: message.courier,
      envelope: {
        reversePath: '',
        recipients: [{ address: reversePath }],
        eightBit: content.some((octet) => octet > 0x7f),
        smtpUtf8: message.envelope.smtpUtf8,
      },
      isBounce: true,
      receivedAtMs: now,
      expiresAtMs: now + options.expireAfterMs,
    },
  };
}

function reported(message: QueuedMessage, outcome: RecipientOutcome): ReportedRecipient[] {
  const dsn = message.recipients.find((each) => each.address === outcome.address)?.dsn;
  if (dsn?.notify && !dsn.notify.includes('FAILURE')) return [];
  const isEnhanced = /^[245]\.\d{1,3}\.\d{1,3}$/.test(outcome.code);
  return [
    {
      address: outcome.address,
      ...(dsn?.orcpt === undefined ? {} : { orcpt: dsn.orcpt }),
      action: 'failed',
      // What was only put off has failed because its time is over (RFC 3463 section 3.5: 4.7).
      status: outcome.outcome !== 'permanent' ? '5.4.7' : isEnhanced ? outcome.code : '5.0.0',
      diagnostic: isEnhanced ? `smtp; ${outcome.text}` : `x-mailbridge; ${outcome.code} ${outcome.text}`,
      ...(outcome.remedy === undefined ? {} : { remedy: outcome.remedy }),
    },
  ];
}

async function beginning(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks);
}

import type { Clock } from '../../base/clock.ts';
import { errorText } from '../../base/errors.ts';
import { normalizeAddress } from '../../message/address/address.ts';
import type { AmbiguousAttempt, DeliveryReport, OutgoingMessage } from '../../message/delivery.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type { Courier } from '../../queue/courier.ts';
import { type Batch, planBatches } from '../batches.ts';
import { readHeader } from '../message-header.ts';
import type { DeliveryPolicy } from '../policy.ts';
import { couriers } from '../registry.ts';
import { type CourierVerdict, ownVerdict, recipientOutcome } from '../verdict.ts';
import type { CourierWrapper } from '../wrappers/wrapper.ts';
import type { CopyNotes } from './copy-notes.ts';
import type { Marker } from './marker.ts';
import type { SentItems } from './sent-items.ts';

/** What looking takes. */
export interface LookFirstOptions {
  readonly sentItems: SentItems;
  readonly marker: Marker;
  readonly copies: CopyNotes;
  readonly onAmbiguity: DeliveryPolicy['onAmbiguity'];
  readonly clock: Clock;
  /** A copy that is not in Sent Items this long after an attempt will not appear any more. */
  readonly settleMs: number;
}

/** What is known of the ambiguous recipients. */
type Finding =
  /** Addresses, normalized, whose copy is there. */
  { readonly found: ReadonlySet<string> } | { readonly notPermitted: true } | { readonly failure: string };

/** See {@link LookFirstCourier}. */
export function lookFirst(options: LookFirstOptions): CourierWrapper {
  return (courier) => new LookFirstCourier(courier, options);
}

/**
 * A courier that sends nothing twice as far as that can be known: where an earlier attempt may have succeeded, the
 * copy is looked for in Sent Items first.
 *
 * Exchange stores that copy a moment after it has answered, or after it could not answer any more; Microsoft names no
 * bound. So a copy that is not there counts as missing only `settleMs` after the attempt; until then the message is
 * looked for again every quarter of that time.
 */
class LookFirstCourier implements Courier {
  readonly #courier: Courier;
  readonly #options: LookFirstOptions;

  constructor(courier: Courier, options: LookFirstOptions) {
    this.#courier = courier;
    this.#options = options;
  }

  /** One delivery attempt, of those recipients that have not got the message yet. */
  async deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    const { ambiguous } = message;
    if (ambiguous === undefined) return this.#courier.deliver(message, signal);
    const finding = await this.#look(message, signal);
    const ambiguousAddresses = new Set(ambiguous.addresses);
    const settled = new Map<string, CourierVerdict>();
    const toSend = message.envelope.recipients.filter(({ address }) => {
      const verdict = ambiguousAddresses.has(address) ? this.#verdict(address, finding, ambiguous) : undefined;
      if (verdict !== undefined) settled.set(address, verdict);
      return verdict === undefined;
    });
    const sent = await this.#send(message, toSend, signal);
    const outcomes = new Map(sent.recipients.map((outcome) => [outcome.address, outcome]));
    const verdicts = [...settled.values()];
    return {
      ...sent,
      recipients: message.envelope.recipients.flatMap(({ address }) => {
        const verdict = settled.get(address);
        const outcome = verdict ? recipientOutcome(address, verdict) : outcomes.get(address);
        return outcome ? [outcome] : [];
      }),
      // A new ambiguous attempt begins now, and not with the old one.
      ...('found' in finding &&
        verdicts.some(({ outcome }) => outcome === 'temporary') &&
        !sent.recipients.some(({ code }) => code === 'upstream-ambiguous') && {
          retryAfterMs: this.#options.settleMs / 4,
        }),
      ...(verdicts.some(({ code }) => code === 'delivery-ambiguous') && { hold: true }),
    };
  }

  /** What is settled for an ambiguous recipient; undefined where it is to be sent to. */
  #verdict(address: string, finding: Finding, ambiguous: AmbiguousAttempt): CourierVerdict | undefined {
    const { onAmbiguity, clock, settleMs } = this.#options;
    if ('failure' in finding) {
      return ownVerdict(
        'upstream-ambiguous',
        `Sent Items could not be searched, so nothing is sent: ${finding.failure}`,
      );
    }
    if ('notPermitted' in finding) {
      if (onAmbiguity === 'resend') return undefined;
      return ownVerdict(
        'delivery-ambiguous',
        'The previous attempt may have succeeded, and the bridge may not read Sent Items.',
      );
    }
    if (finding.found.has(normalizeAddress(address))) {
      return { outcome: 'delivered', code: 'found-in-sent-items', text: 'The previous attempt succeeded.' };
    }
    if (clock.now() >= ambiguous.overAtMs + settleMs) return undefined;
    return ownVerdict('upstream-ambiguous', 'Not in Sent Items yet; the bridge looks again before it sends.');
  }

  async #look(message: OutgoingMessage, signal: AbortSignal): Promise<Finding> {
    try {
      const header = await readHeader(message);
      const messageId = /<[^<>\s]+>/.exec(header.get('Message-ID') ?? '')?.[0];
      if (messageId === undefined) return { notPermitted: true };
      const markers = await this.#options.sentItems.find({ mailbox: message.mailbox, messageId }, signal);
      if (markers === undefined) return { notPermitted: true };
      return { found: await this.#served(message, new Set(markers)) };
    } catch (error) {
      return { failure: errorText(error) };
    }
  }

  /** Who is served by the copies with these markers: whoever one request or transaction of that attempt was for. */
  async #served(message: OutgoingMessage, markers: ReadonlySet<string>): Promise<Set<string>> {
    const { marker, copies } = this.#options;
    const planned = plannedFor(message).filter((batch) => markers.has(marker.of(message.id, batch)));
    const noted = await copies.served(message.id, message.envelope.recipients, markers);
    return new Set([...planned.flat(), ...noted].map(({ address }) => normalizeAddress(address)));
  }

  /**
   * Sends to these recipients of an ambiguous message. The next look may be after a crash, and then nobody knows any more
   * which of the recipients were ambiguous before this attempt, and which were sent to in it.
   */
  async #send(
    message: OutgoingMessage,
    recipients: readonly EnvelopeRecipient[],
    signal: AbortSignal,
  ): Promise<DeliveryReport> {
    if (recipients.length === 0) return { recipients: [] };
    const { ambiguous, ...rest } = message;
    const sent = { ...rest, envelope: { ...message.envelope, recipients } };
    const all = message.envelope.recipients.length;
    const isWhole = recipients.length === all && ambiguous?.addresses.length === all;
    if (!isWhole) this.#options.copies.note(message.id, ...plannedFor(message), ...plannedFor(sent));
    return this.#courier.deliver(sent, signal);
  }
}

/** The recipients that each copy is for, whether an attempt has served all of them, or only the ambiguous ones. */
function plannedFor({ envelope: { recipients }, ambiguous }: OutgoingMessage): Batch[] {
  const ambiguousOnes = recipients.filter(({ address }) => ambiguous?.addresses.includes(address));
  const limits = Object.values(couriers).map(({ batchLimits }) => batchLimits);
  return [recipients, ambiguousOnes].flatMap((each) => limits.flatMap((limit) => planBatches(each, limit)));
}

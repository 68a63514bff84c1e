import type { Clock } from '../../base/clock.ts';
import { errorText } from '../../base/errors.ts';
import { normalizeAddress } from '../../message/address/address.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { AmbiguousAttempt, DeliveryReport, OutgoingMessage } from '../../message/delivery.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import { messageIdOf } from '../../message/header/message-id.ts';
import type { Courier } from '../../queue/courier.ts';
import { type Batch, planBatches } from '../batches.ts';
import { readHeader } from '../message-header.ts';
import type { DeliveryPolicy } from '../policy.ts';
import { couriers } from '../registry.ts';
import { type CourierVerdict, ownVerdict, recipientOutcome } from '../verdict.ts';
import type { CourierWrapper } from '../wrappers/wrapper.ts';
import type { CopyNotes } from './copy-notes.ts';
import { type Marker, unsealed } from './marker.ts';
import type { AllSentItems } from './sent-items.ts';

/** What looking requires. */
export interface LookFirstOptions {
  /** Of the courier that sends. */
  readonly kind: CourierKind;
  /**
   * All couriers of the account: one of these may have made an earlier attempt, and may make the next; default: this
   * one.
   */
  readonly others?: readonly CourierKind[];
  readonly sentItems: Pick<AllSentItems, 'find'>;
  readonly marker: Marker;
  readonly copies: CopyNotes;
  readonly onAmbiguity: DeliveryPolicy['onAmbiguity'];
  readonly clock: Clock;
  /** A copy that is not in Sent Items this long after an attempt will never appear. */
  readonly settleMs: number;
}

/** What is known about the ambiguous recipients. */
interface Finding {
  /** Normalized addresses whose copy was found. */
  readonly found: ReadonlySet<string>;
  /** Why the others may have one too; undefined: they have none. */
  readonly unseen?: { readonly notPermitted: true } | { readonly failure: string };
}

/** See {@link LookFirstCourier}. */
export function lookFirst(options: LookFirstOptions): CourierWrapper {
  return (courier) => new LookFirstCourier(courier, options);
}

/**
 * A courier that avoids sending twice as far as that is possible: if an earlier attempt may have succeeded, the copy is
 * looked for in Sent Items first.
 *
 * Exchange stores that copy a moment after it has answered, or after it could no longer answer; Microsoft documents no
 * bound. So an absent copy only counts as missing `settleMs` after the attempt; until then it is looked for again every
 * quarter of that time.
 */
class LookFirstCourier implements Courier {
  readonly #courier: Courier;
  readonly #options: LookFirstOptions;

  constructor(courier: Courier, options: LookFirstOptions) {
    this.#courier = courier;
    this.#options = options;
  }

  /** Makes one delivery attempt, for those recipients that do not have the message yet. */
  async deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    const { ambiguous } = message;
    if (ambiguous === undefined) return this.#courier.deliver(message, signal);
    const finding = await this.#look(message, signal);
    const ambiguousAddresses = new Set(ambiguous.addresses);
    const settled = new Map<string, CourierVerdict>();
    const unsettled = message.envelope.recipients.filter(({ address }) => {
      const verdict = ambiguousAddresses.has(address) ? this.#verdict(address, finding, ambiguous) : undefined;
      if (verdict !== undefined) settled.set(address, verdict);
      return verdict === undefined;
    });
    const staysWith = this.#staysWith(ambiguous, finding);
    // The whole message waits for one courier: with two, after a crash nobody would know which may have served whom.
    const toSend = staysWith && [...settled.values()].some(isUnclear) ? [] : unsettled;
    // Nobody knows how many copies there are of an ambiguous message.
    const { copies: _, ...sent } = await this.#send(message, toSend, signal);
    const outcomes = new Map(sent.recipients.map((outcome) => [outcome.address, outcome]));
    const verdicts = [...settled.values()];
    return {
      ...sent,
      ...(toSend.length === 0 && { sentNothing: true }),
      ...(staysWith && { staysWith }),
      recipients: message.envelope.recipients.flatMap(({ address }) => {
        const verdict = settled.get(address);
        const outcome = verdict ? recipientOutcome(address, verdict) : outcomes.get(address);
        return outcome ? [outcome] : [];
      }),
      // A new ambiguous attempt begins now, not with the old one.
      ...(finding.unseen === undefined &&
        verdicts.some(isUnclear) &&
        !sent.recipients.some(({ code }) => code === 'upstream-ambiguous') && {
          retryAfterMs: this.#options.settleMs / 4,
        }),
      ...(verdicts.some(({ code }) => code === 'delivery-ambiguous') && { hold: true }),
    };
  }

  /** The verdict on an ambiguous recipient that is settled; undefined if the message is to be sent. */
  #verdict(address: string, finding: Finding, ambiguous: AmbiguousAttempt): CourierVerdict | undefined {
    const { onAmbiguity, clock, settleMs } = this.#options;
    const { found, unseen } = finding;
    if (found.has(normalizeAddress(address))) {
      return { outcome: 'delivered', code: 'found-in-sent-items', text: 'The previous attempt succeeded.' };
    }
    if (unseen && 'failure' in unseen) {
      return ownVerdict(
        'upstream-ambiguous',
        `Sent Items could not be searched, so nothing is sent: ${unseen.failure}`,
      );
    }
    if (unseen) {
      const stays = this.#staysWith(ambiguous, finding);
      if (stays) {
        const { shortName } = couriers[stays];
        return ownVerdict(
          'upstream-ambiguous',
          `The previous attempt, by ${shortName}, may have succeeded, and the bridge may not read Sent Items: only ${shortName} sends it again.`,
        );
      }
      if (onAmbiguity === 'resend') return undefined;
      return ownVerdict(
        'delivery-ambiguous',
        'The previous attempt may have succeeded, and the bridge may not read Sent Items.',
      );
    }
    if (clock.now() >= ambiguous.overAtMs + settleMs) return undefined;
    return ownVerdict('upstream-ambiguous', 'Not in Sent Items yet; the bridge looks again before it sends.');
  }

  /** Which courier has to send again what nobody may look for: one that the account still has. */
  #staysWith({ courier }: AmbiguousAttempt, { unseen }: Finding): CourierKind | undefined {
    const { kind, others = [], onAmbiguity } = this.#options;
    if (courier === undefined || courier === kind || !others.includes(courier)) return undefined;
    return unseen && 'notPermitted' in unseen && onAmbiguity === 'resend' ? courier : undefined;
  }

  async #look(message: OutgoingMessage, signal: AbortSignal): Promise<Finding> {
    const { sentItems, kind, others = [] } = this.#options;
    try {
      const header = await readHeader(message);
      const messageId = messageIdOf(header);
      if (messageId === undefined) return { found: new Set(), unseen: { notPermitted: true } };
      const couriers = [...new Set([message.ambiguous?.courier ?? kind, kind, ...others])];
      const { markers, unseen } = await sentItems.find({ mailbox: message.mailbox, messageId, couriers }, signal);
      const found = await this.#served(message, new Set(markers.map(unsealed)));
      if (unseen === undefined) return { found };
      return { found, unseen: 'failure' in unseen ? { failure: errorText(unseen.failure) } : unseen };
    } catch (error) {
      return { found: new Set(), unseen: { failure: errorText(error) } };
    }
  }

  /** Who is served by the copies with these markers: those that a request or transaction of that attempt was for. */
  async #served(message: OutgoingMessage, markers: ReadonlySet<string>): Promise<Set<string>> {
    const { marker, copies } = this.#options;
    const planned = plannedFor(message).filter((batch) => markers.has(marker.of(message.id, batch)));
    const noted = await copies.served(message.id, message.envelope.recipients, markers);
    return new Set([...planned.flat(), ...noted].map(({ address }) => normalizeAddress(address)));
  }

  /**
   * Sends to these recipients of an ambiguous message. The next look may come after a crash, when nobody knows any more
   * which recipients were ambiguous before this attempt and which were sent to in it.
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
    if (!isWhole) await this.#options.copies.note(message.id, ...plannedFor(message), ...plannedFor(sent));
    return this.#courier.deliver(sent, signal);
  }
}

/** Whether it may have been served, and that is not known yet. */
function isUnclear({ outcome }: CourierVerdict): boolean {
  return outcome === 'temporary';
}

/** The recipients of each copy, for an attempt that has served all of them or only the ambiguous ones. */
function plannedFor({ envelope: { recipients }, ambiguous }: OutgoingMessage): Batch[] {
  const ambiguousOnes = recipients.filter(({ address }) => ambiguous?.addresses.includes(address));
  const limits = Object.values(couriers).map(({ batchLimits }) => batchLimits);
  return [recipients, ambiguousOnes].flatMap((each) => limits.flatMap((limit) => planBatches(each, limit)));
}

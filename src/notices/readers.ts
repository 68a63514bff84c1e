import { sameAddress } from '../message/address/address.ts';
import type { HeaderBlock } from '../message/header/fields.ts';
import type { HandedIn, ReportedRecipient } from '../message/report/facts.ts';
import type { QueuedMessage } from '../queue/message.ts';

/** Who is notified about an account's mail besides the sender, or instead of the sender. */
export interface NoticeAddresses {
  /** Instead of the sender. */
  readonly bounceTo?: string;
  /** Additionally, of failures. */
  readonly failuresTo?: string;
}

/** One notice: its reader, and the recipients it is about. */
export interface PlannedNotice {
  readonly to: string;
  readonly recipients: readonly ReportedRecipient[];
  /** The reader runs the bridge, and need not have sent the message. */
  readonly forAdministrator: boolean;
  /** The reader is, or replaces, the sender: the whole message may be returned. */
  readonly forSender: boolean;
}

/** What an attempt has settled. */
export interface Settled {
  /** All recipients that were given up. */
  readonly failed: readonly ReportedRecipient[];
  /** Those among them whose failure the sender wants reported. */
  readonly wanted: readonly ReportedRecipient[];
  /** Those served, if the sender asked for that. */
  readonly relayed: readonly ReportedRecipient[];
}

/**
 * Plans who gets which bounce. NOTIFY expresses the sender's wishes, which also apply to whoever replaces the sender;
 * the administrator gets every failure. A null reverse-path asks for no answer (RFC 5321 section 4.5.5): then only
 * failures are reported, and not to the sender. Nobody is notified twice.
 */
export function plannedBounces(
  { envelope }: Pick<QueuedMessage, 'envelope'>,
  { failed, wanted, relayed }: Settled,
  { bounceTo, failuresTo }: NoticeAddresses,
): readonly PlannedNotice[] {
  const asked = envelope.reversePath === '' ? [] : relayed;
  const sender = bounceTo ?? envelope.reversePath;
  const isOne = failuresTo !== undefined && sameAddress(sender, failuresTo);
  const toSender = {
    to: sender,
    recipients: [...(isOne ? failed : wanted), ...asked],
    forAdministrator: bounceTo !== undefined || isOne,
    forSender: true,
  };
  const others =
    failuresTo === undefined || isOne
      ? []
      : [{ to: failuresTo, recipients: failed, forAdministrator: true, forSender: false }];
  return [toSender, ...others].filter(({ to, recipients }) => to !== '' && recipients.length > 0);
}

/** Who gets a delay warning; nobody if the message has a null reverse-path. */
export function plannedWarning(
  { envelope }: Pick<QueuedMessage, 'envelope'>,
  recipients: readonly ReportedRecipient[],
  { bounceTo }: NoticeAddresses,
): readonly PlannedNotice[] {
  if (envelope.reversePath === '' || recipients.length === 0) return [];
  const to = bounceTo ?? envelope.reversePath;
  return [{ to, recipients, forAdministrator: bounceTo !== undefined, forSender: true }];
}

/** Who submitted a message, according to its account and our own Received field. */
export function handedIn({ id, account, envelope }: QueuedMessage, header: HeaderBlock): HandedIn {
  const [, client, ours] =
    /^from (\S+ \([^()\s]+\))\s+by \S+\s+with \S+ id ([^\s;]+)/.exec(header.get('Received') ?? '') ?? [];
  return { account, sender: envelope.reversePath, ...(client !== undefined && ours === id && { client }) };
}

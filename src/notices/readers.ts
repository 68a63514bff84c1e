import { sameAddress } from '../message/address/address.ts';
import type { HeaderBlock } from '../message/header/fields.ts';
import type { HandedIn, ReportedRecipient } from '../message/report/facts.ts';
import type { QueuedMessage } from '../queue/message.ts';

/** Who hears of an account's mail besides the sender, or in the sender's place. */
export interface NoticeAddresses {
  /** In place of the sender. */
  readonly bounceTo?: string;
  /** Of failures, besides. */
  readonly failuresTo?: string;
}

/** One notice: to whom, and of which recipients. */
export interface PlannedNotice {
  readonly to: string;
  readonly recipients: readonly ReportedRecipient[];
  /** The reader runs the bridge, and need not have sent the message. */
  readonly forAdministrator: boolean;
  /** In the sender's place: the message may be given back whole. */
  readonly forSender: boolean;
}

/** What an attempt has settled. */
export interface Settled {
  /** All that were given up. */
  readonly failed: readonly ReportedRecipient[];
  /** Those among them whose failure the sender wants to hear of. */
  readonly wanted: readonly ReportedRecipient[];
  /** Those served, where the sender asked for that. */
  readonly relayed: readonly ReportedRecipient[];
}

/**
 * Who is told what. The wishes of NOTIFY are the sender's, and whoever stands in the sender's place has them too; whoever runs
 * the bridge hears of every failure. A null reverse-path asks for no answer (RFC 5321 section 4.5.5): then failures alone
 * are told, and not to the sender. Nobody is told twice.
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

/** Who is told that a message waits, unless it has a null reverse-path. */
export function plannedWarning(
  { envelope }: Pick<QueuedMessage, 'envelope'>,
  recipients: readonly ReportedRecipient[],
  { bounceTo }: NoticeAddresses,
): readonly PlannedNotice[] {
  if (envelope.reversePath === '' || recipients.length === 0) return [];
  const to = bounceTo ?? envelope.reversePath;
  return [{ to, recipients, forAdministrator: bounceTo !== undefined, forSender: true }];
}

/** Who handed a message in, as far as its account and the Received field of our own making tell. */
export function handedIn({ id, account, envelope }: QueuedMessage, header: HeaderBlock): HandedIn {
  const [, client, ours] =
    /^from (\S+ \([^()\s]+\))\s+by \S+\s+with \S+ id ([^\s;]+)/.exec(header.get('Received') ?? '') ?? [];
  return { account, sender: envelope.reversePath, ...(client !== undefined && ours === id && { client }) };
}

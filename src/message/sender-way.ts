import { normalizeAddress } from './address/address.ts';

/**
 * How Exchange lets a mailbox send as another address: `send-as` shows only that address, `on-behalf` the mailbox on
 * behalf of it, and an `alias` is another address of the mailbox itself.
 */
export const senderWays = ['send-as', 'on-behalf', 'alias'] as const;

export type SenderWay = (typeof senderWays)[number];

/** An address, or `*@domain`, that is not the mailbox's own, with its way. */
export interface OtherSender {
  readonly address: string;
  readonly as: SenderWay;
}

/** The settings that determine whom an account sends as. A plain address means `send-as`. */
export interface SenderSettings {
  readonly mailbox: string;
  readonly senders?: readonly (string | OtherSender)[] | undefined;
  /** If all mail is sent as this address, the others do not count, except for their way. */
  readonly forceFrom?: string | undefined;
}

/** Returns the addresses that an account sends as, each once, without the mailbox. */
export function otherSenders({ mailbox, senders = [], forceFrom }: SenderSettings): OtherSender[] {
  const own = normalizeAddress(mailbox);
  const ways = new Map<string, OtherSender>();
  for (const sender of senders) {
    const other = typeof sender === 'string' ? ({ address: sender, as: 'send-as' } as const) : sender;
    ways.set(normalizeAddress(other.address), other);
  }
  if (forceFrom === undefined) return [...ways].filter(([key]) => key !== own).map(([, other]) => other);
  const forced = normalizeAddress(forceFrom);
  return forced === own ? [] : [ways.get(forced) ?? { address: forceFrom, as: 'send-as' }];
}

/** Returns the way of one address: from its own entry, otherwise from its domain's; undefined if there is neither. */
export function wayOf(others: readonly OtherSender[], address: string): SenderWay | undefined {
  const key = normalizeAddress(address);
  const pattern = `*${key.slice(key.lastIndexOf('@'))}`;
  const of = (wanted: string) => others.find((other) => normalizeAddress(other.address) === wanted);
  return (of(key) ?? of(pattern))?.as;
}

import { isValidAddress, normalizeAddress } from '../../message/address/address.ts';
import type { Envelope, EnvelopeRecipient, RecipientDsn } from '../../message/envelope.ts';
import { isAscii } from '../../message/safe-text.ts';
import { SmtpReply } from '../../smtp/session.ts';
import type { SubmissionAccount } from '../account.ts';

/** The reverse-path that replaces the client's for mail of an account. @throws SmtpReply */
export function rewrittenSender({ changes }: SubmissionAccount, reversePath: string): string {
  const anew = reversePath === '' ? undefined : changes?.senders.replacement(reversePath);
  if (anew === undefined) return reversePath;
  if (!isSendable(anew)) throw new SmtpReply(553, '5.1.7', `Address ${reversePath} is too long once it is rewritten`);
  return anew;
}

/**
 * The envelope that a message is sent with. Recipients that have become the same are merged. Returns the same object if
 * nothing changes.
 * @throws SmtpReply if an address becomes too long
 */
export function rewrittenEnvelope(account: SubmissionAccount, said: Envelope): Envelope {
  const reversePath = rewrittenSender(account, said.reversePath);
  const recipients = redirected(account, rewrittenRecipients(account, said.recipients));
  if (reversePath === said.reversePath && recipients === said.recipients) return said;
  const isInternational = [reversePath, ...recipients.map(({ address }) => address)].some((each) => !isAscii(each));
  return { ...said, reversePath, recipients, smtpUtf8: said.smtpUtf8 || isInternational };
}

/**
 * The rewritten recipients, before any redirection. Each keeps the address that its sender knows as the original
 * recipient for reports (RFC 3461 section 4.2).
 * @throws SmtpReply if an address becomes too long
 */
export function rewrittenRecipients(
  { changes }: SubmissionAccount,
  said: readonly EnvelopeRecipient[],
): readonly EnvelopeRecipient[] {
  let isChanged = false;
  const recipients = said.map((recipient) => {
    const address = changes?.recipients.replacement(recipient.address);
    if (address === undefined) return recipient;
    if (!isSendable(address))
      throw new SmtpReply(553, '5.1.3', `Address ${recipient.address} is too long once it is rewritten`);
    isChanged = true;
    const orcpt = `${isAscii(recipient.address) ? 'rfc822' : 'utf-8'};${recipient.address}`;
    return { address, dsn: { orcpt, ...recipient.dsn } };
  });
  return isChanged ? withoutRepeated(recipients) : said;
}

function withoutRepeated(recipients: readonly EnvelopeRecipient[]): EnvelopeRecipient[] {
  const byMailbox = new Map<string, EnvelopeRecipient>();
  for (const recipient of recipients) {
    const key = normalizeAddress(recipient.address);
    const before = byMailbox.get(key);
    byMailbox.set(key, before ? merged(before, recipient) : recipient);
  }
  return [...byMailbox.values()];
}

/** Reports what was requested for either recipient; the default is failure and delay (RFC 3461 section 4.1). */
function merged(one: EnvelopeRecipient, other: EnvelopeRecipient): EnvelopeRecipient {
  const { notify: _, ...dsn } = one.dsn ?? {};
  const notify = mergedNotify(one.dsn?.notify, other.dsn?.notify);
  return { address: one.address, dsn: { ...dsn, ...(notify && { notify }) } };
}

type Notify = RecipientDsn['notify'];

function mergedNotify(one: Notify, other: Notify): Notify {
  if (one === undefined && other === undefined) return undefined;
  const usual = ['FAILURE', 'DELAY'] as const;
  const wishes = new Set([...(one ?? usual), ...(other ?? usual)]);
  if (wishes.size > 1) wishes.delete('NEVER');
  return [...wishes];
}

/**
 * Replaces all recipients by one. Nothing is reported as delivered to those who get nothing, and nothing at all if
 * nobody wanted a report.
 */
function redirected(
  { changes }: SubmissionAccount,
  recipients: readonly EnvelopeRecipient[],
): readonly EnvelopeRecipient[] {
  const address = changes?.redirectAllTo;
  if (address === undefined) return recipients;
  const isSilent = recipients.every(({ dsn }) => dsn?.notify?.includes('NEVER'));
  return [isSilent ? { address, dsn: { notify: ['NEVER'] } } : { address }];
}

function isSendable(address: string): boolean {
  return isValidAddress(address, { smtpUtf8: true });
}

import type { UpstreamReply } from '../../exchange/smtp/reply.ts';
import type { KnownRefusal } from '../known-refusal.ts';

/**
 * A reply of Exchange Online that says more, or something else, than its first digit. All given conditions must match.
 */
export interface ExchangeRefusalRow extends KnownRefusal {
  /** The reply, in short. */
  readonly reply: string;
  readonly code?: number;
  /** Matches the whole enhanced status. */
  readonly enhanced?: RegExp;
  readonly text?: RegExp;
}

/** The first row that matches a reply decides. */
export function exchangeRefusalRow<Row extends ExchangeRefusalRow>(
  table: readonly Row[],
  reply: UpstreamReply,
): Row | undefined {
  return table.find(
    (row) =>
      (row.code === undefined || row.code === reply.code) &&
      (row.enhanced === undefined || row.enhanced.test(reply.enhanced ?? '')) &&
      (row.text === undefined || row.text.test(reply.text)),
  );
}

/** What to check if a login, or the mailbox behind it, is refused without a reason. */
export const permissionRemedy =
  'Check the name (LOGIN). Where a person signed in: sign in again, so that the token has SMTP.Send. Where the app itself logs in: check the service principal (New-ServicePrincipal with the Object ID of the enterprise application) and its permission on the mailbox (Add-MailboxPermission -AccessRights FullAccess, or the role Application SMTP.SendAsApp). A change can take two hours.';

import { requirePermission } from '../authorization.ts';
import { GraphFault } from '../graph-error.ts';
import { StoredDraft } from './drafts/draft.ts';
import type { Item } from './item-ids.ts';
import type { MailRequest } from './mail-request.ts';
import type { MessageProperties } from './message-properties.ts';

/**
 * What of a message that is no draft may be changed by nobody but who holds Mail-Advanced.ReadWrite (from 31 December
 * 2026; Microsoft 365 developer blog, "Graph API updates to sensitive email properties").
 */
const protectedProperties: readonly (keyof MessageProperties)[] = [
  'subject',
  'body',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'internetMessageId',
  'isReadReceiptRequested',
  'isDeliveryReceiptRequested',
];

const advanced = ['Mail-Advanced.ReadWrite', 'Mail-Advanced.ReadWrite.All', 'Mail-Advanced.ReadWrite.Shared'];

/**
 * Changes a message that is no draft. Where its content changes it is another message to IMAP, with a UID of its own.
 * @throws GraphFault 403, or 400 for what is not kept of such messages here
 */
export function updateStored({ services, mailbox, claims }: MailRequest, item: Item, patch: MessageProperties): Item {
  const { folder, message } = item;
  const { directory } = services;
  const { isRead, ...rest } = patch;
  const content = Object.keys(rest).filter((name) => rest[name as keyof typeof rest] !== undefined);
  if (content.some((name) => protectedProperties.includes(name as keyof MessageProperties))) {
    requirePermission(claims, advanced);
  }
  const flags = isRead == null ? message.flags : withSeen(message.flags, isRead);
  if (content.length === 0) {
    directory.replaceFlags(mailbox, folder, message.uid, flags);
    return { folder, message: directory.message(mailbox, folder, message.uid) ?? message };
  }
  if (content.some((name) => !protectedProperties.includes(name as keyof MessageProperties))) {
    throw new GraphFault(
      400,
      'ErrorInvalidRequest',
      `The simulator does not change ${content.join(', ')} of messages.`,
    );
  }
  const changed = StoredDraft.fromMime(message.content);
  changed.change(rest);
  const { immutableId, properties, internalDate } = message;
  directory.remove(mailbox, folder, message.uid);
  const facts = { ...(immutableId !== undefined && { immutableId }), ...(properties && { properties }) };
  return { folder, message: directory.deliver(mailbox, folder, changed.compose(), { flags, internalDate, ...facts }) };
}

function withSeen(flags: readonly string[], isRead: boolean): readonly string[] {
  const others = flags.filter((flag) => flag !== '\\Seen');
  return isRead ? [...others, '\\Seen'] : others;
}

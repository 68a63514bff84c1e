import type { Removal, SentItems } from '../../../src/couriers/sent-items/sent-items.ts';
import { marker } from '../outgoing.ts';

const to = [{ address: 'ann@x.example' }];

/** The Message-ID of a message. */
export const idOf = (id: string) => `<${id}@contoso.example>`;

/** A copy of a message, as sent by the bridge. */
export const ownCopy = (id: string, messageId = idOf(id)) =>
  `${marker.line(id, to)}Subject: ${id}\r\nMessage-ID: ${messageId}\r\n\r\ntext\r\n`;

/** Similar copies that belong to somebody else. */
export const strangersLike = (id: string) => [
  `Subject: no marker\r\nMessage-ID: ${idOf(id)}\r\n\r\ntext\r\n`,
  `X-Mailbridge-Id: ${marker.of(id, to)}.0123456789abcdef\r\nMessage-ID: ${idOf(id)}\r\n\r\ntext\r\n`,
  `${marker.line('other', to)}Message-ID: ${idOf(id)}\r\n\r\ntext\r\n`,
  `${marker.line(id, to)}Message-ID: <x${idOf(id).slice(1)}\r\n\r\ntext\r\n`,
  `X-Mailbridge-Id: upstream.of.it\r\n${marker.line(id, to)}Message-ID: ${idOf(id)}\r\n\r\ntext\r\n`,
  `Subject: in its text\r\nMessage-ID: ${idOf(id)}\r\n\r\n${marker.line(id, to)}`,
];

/** Removes the copies of messages. @returns the number for each, and whether that was permitted */
export async function remove(
  items: Pick<SentItems, 'remove'>,
  ids: readonly string[],
  options: { readonly mayGo?: (id: string) => boolean; readonly mailbox?: string } = {},
): Promise<{ readonly permitted: boolean; readonly removed: Readonly<Record<string, number>> }> {
  const { mayGo = () => true, mailbox = 'alice@contoso.example' } = options;
  const signal = AbortSignal.timeout(20_000);
  const removed: Record<string, number> = {};
  const names = new Map<unknown, string>();
  const copies = ids.map((id) => {
    const copy = {
      messageId: idOf(id),
      isOwn: (value: string) => marker.isOwn(value, id),
      mayGo: () => mayGo(id),
    };
    names.set(copy, id);
    return copy;
  });
  const onDone: Removal['onDone'] = (copy, count) => {
    removed[names.get(copy) ?? ''] = count;
  };
  const permitted = await items.remove({ mailbox, copies, onDone }, signal);
  return { permitted, removed };
}

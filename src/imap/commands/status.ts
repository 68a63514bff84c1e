import type { FolderStatus } from '../../mailbox/mail-store.ts';
import { command } from '../command.ts';
import { ImapSyntaxError } from '../reply.ts';
import { formatMailbox } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';

const items: Readonly<Record<string, (status: FolderStatus) => number>> = {
  MESSAGES: (status) => status.messages,
  RECENT: () => 0,
  UIDNEXT: (status) => status.uidNext,
  UIDVALIDITY: (status) => status.uidValidity,
  UNSEEN: (status) => status.unseen,
};

/** RFC 9051 section 6.3.11. */
export const status = command(parseStatus, async (context, { folder, names }) => {
  const counters = await context.store.status(folder);
  const values = names.map((name) => `${name} ${items[name]?.(counters)}`);
  context.out.untagged(`STATUS ${formatMailbox(folder)} (${values.join(' ')})`);
  return { text: 'STATUS completed.' };
});

function parseStatus(scanner: Scanner): { folder: string; names: string[] } {
  scanner.space();
  const folder = scanner.mailbox();
  scanner.space();
  const names = scanner.list(() => scanner.word(), { allowEmpty: false });
  if (names.some((name) => !Object.hasOwn(items, name))) throw new ImapSyntaxError('Unknown STATUS item.');
  return { folder, names };
}

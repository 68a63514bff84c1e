import { command } from '../command.ts';
import { parseStatusItems, type StatusItem, tellStatus } from '../status/items.ts';
import type { Scanner } from '../wire/scanner.ts';

/** RFC 9051 section 6.3.11. */
export const status = command(parseStatus, async (context, { folder, items }) => {
  await tellStatus(context, folder, items);
  return { text: 'STATUS completed.' };
});

function parseStatus(scanner: Scanner): { folder: string; items: readonly StatusItem[] } {
  scanner.space();
  const folder = scanner.mailbox();
  return { folder, items: parseStatusItems(scanner) };
}

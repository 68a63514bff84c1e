import { command } from '../command.ts';
import type { Scanner } from '../wire/scanner.ts';

/** CREATE (RFC 9051 section 6.3.4). */
export const create = command(parseFolder, async (context, folder) => {
  await context.store.createFolder(folder);
  return { text: 'CREATE completed.' };
});

/** DELETE (RFC 9051 section 6.3.5). */
export const deleteFolder = command(parseFolder, async (context, folder) => {
  await context.store.deleteFolder(folder);
  return { text: 'DELETE completed.' };
});

/** RENAME (RFC 9051 section 6.3.6). */
export const rename = command(
  (scanner) => ({ from: parseFolder(scanner), to: parseFolder(scanner) }),
  async (context, { from, to }) => {
    await context.store.renameFolder(from, to);
    return { text: 'RENAME completed.' };
  },
);

/** SUBSCRIBE and UNSUBSCRIBE (RFC 9051 sections 6.3.7 and 6.3.8). */
export const subscribe = command(parseFolder, async (context, folder, { name }) => {
  await context.store.setSubscribed(folder, name === 'SUBSCRIBE');
  return { text: `${name} completed.` };
});

function parseFolder(scanner: Scanner): string {
  scanner.space();
  return scanner.mailbox();
}

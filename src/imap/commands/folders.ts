import { type MailStore, MailStoreError, type SpecialUse } from '../../mailbox/mail-store.ts';
import { command } from '../command.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';

const uses: readonly SpecialUse[] = ['\\Archive', '\\Drafts', '\\Junk', '\\Sent', '\\Trash'];

/** CREATE (RFC 9051 section 6.3.4, RFC 6154 section 3, RFC 8474 section 4.2). */
export const create = command(parseCreate, async (context, { folder, use }) => {
  const name = newName(folder, context.store.delimiter);
  if (use !== undefined && !context.store.createsSpecialUses) throw new ImapReply('NO', noSuchUse, { code: 'USEATTR' });
  const id = await context.store.createFolder(name, use);
  return { text: 'CREATE completed.', ...(context.announces('OBJECTID') && { code: `MAILBOXID (${id})` }) };
});

const noSuchUse = 'No folder can be made for this use.';

function parseCreate(scanner: Scanner): { folder: string; use: SpecialUse | undefined } {
  const folder = parseFolder(scanner);
  if (!scanner.trySpace()) return { folder, use: undefined };
  scanner.expect('(');
  if (scanner.word() !== 'USE') throw new ImapSyntaxError('Unknown CREATE parameter.');
  scanner.space();
  const named = scanner.list(() => scanner.flag(), { allowEmpty: false });
  scanner.expect(')');
  const use = uses.find((each) => each.toLowerCase() === named[0]?.toLowerCase());
  if (named.length > 1 || use === undefined) throw new ImapReply('NO', noSuchUse, { code: 'USEATTR' });
  return { folder, use };
}

/** DELETE (RFC 9051 section 6.3.5). */
export const deleteFolder = command(parseFolder, async (context, folder) => {
  await deleted(context.store, folder);
  if (context.state === 'selected' && context.folder.open.name === folder) {
    await context.select(undefined);
    context.out.untagged('OK [CLOSED] The folder is deleted.');
  }
  return { text: 'DELETE completed.' };
});

/** If the folders below are the reason for a refusal, it says so (RFC 9051 section 7.1, HASCHILDREN). */
async function deleted(store: MailStore, folder: string): Promise<void> {
  try {
    await store.deleteFolder(folder);
  } catch (error) {
    if (!(error instanceof MailStoreError) || error.code !== 'not-permitted') throw error;
    const hasChildren = (await store.folders()).some(({ name }) => name.startsWith(folder + store.delimiter));
    if (!hasChildren || folder === 'INBOX') throw error;
    throw new ImapReply('NO', error.message, { code: 'HASCHILDREN', cause: error });
  }
}

/** RENAME (RFC 9051 section 6.3.6). */
export const rename = command(
  (scanner) => ({ from: parseFolder(scanner), to: parseFolder(scanner) }),
  async (context, { from, to }) => {
    const name = newName(to, context.store.delimiter);
    if (name.startsWith(from + context.store.delimiter)) {
      throw new ImapReply('NO', 'A folder cannot be moved below itself.', { code: 'CANNOT' });
    }
    if (from === 'INBOX') await emptyInbox(context.store, name);
    else await context.store.renameFolder(from, name);
    return { text: 'RENAME completed.' };
  },
);

/** The inbox and the folders below it stay; its messages move to the new folder. */
async function emptyInbox(store: MailStore, to: string): Promise<void> {
  await store.createFolder(to);
  const inbox = await store.open('INBOX', { readOnly: false });
  try {
    const uids: number[] = [];
    for await (const { uid } of inbox.list()) uids.push(uid);
    if (uids.length > 0) await inbox.move(uids, to);
  } finally {
    await inbox.close();
  }
}

/** SUBSCRIBE and UNSUBSCRIBE (RFC 9051 sections 6.3.7 and 6.3.8). */
export const subscribe = command(parseFolder, async (context, folder, { name }) => {
  try {
    await context.store.setSubscribed(folder, name === 'SUBSCRIBE');
  } catch (error) {
    // A folder that does not exist is not subscribed anyway.
    const done = name === 'UNSUBSCRIBE' && error instanceof MailStoreError && error.code === 'no-such-folder';
    if (!done) throw error;
  }
  return { text: `${name} completed.` };
});

function parseFolder(scanner: Scanner): string {
  scanner.space();
  return scanner.mailbox();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacter = /[\x00-\x1f\x7f]/;

/** Maximum bytes of one level in the name of a new folder. */
const maxLevelBytes = 255;

/**
 * Returns the name for a new folder, without the trailing delimiter that announces children (RFC 9051 section 6.3.4).
 */
function newName(name: string, delimiter: string): string {
  const bare = name.endsWith(delimiter) ? name.slice(0, -delimiter.length) : name;
  const levels = bare.split(delimiter);
  const isBad = (level: string) =>
    level === '' || Buffer.byteLength(level) > maxLevelBytes || controlCharacter.test(level);
  if (levels.some(isBad)) throw new ImapReply('NO', 'This is no name for a folder.', { code: 'CANNOT' });
  return bare;
}

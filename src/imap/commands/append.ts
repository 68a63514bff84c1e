import { MailStoreError } from '../../mailbox/mail-store.ts';
import { type CommandCall, command } from '../command.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import type { MessageLiteral } from '../wire/command-reader.ts';
import { parseDateTime } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';

/** RFC 9051 section 6.3.12, with the code of RFC 4315. A refusal comes before the message is sent, where it can. */
export const append = command(parseAppend, async (context, { folder, flags, internalDate, message }) => {
  await tryCreate(() => context.store.status(folder));
  const content = await message.accept();
  const { uidValidity, uid } = await tryCreate(() =>
    context.store.append(folder, { content, size: message.size, flags, ...(internalDate && { internalDate }) }),
  );
  return { text: 'APPEND completed.', code: `APPENDUID ${uidValidity} ${uid}` };
});

interface AppendArguments {
  readonly folder: string;
  readonly flags: readonly string[];
  readonly internalDate: Date | undefined;
  readonly message: MessageLiteral;
}

function parseAppend(scanner: Scanner, call: CommandCall): AppendArguments {
  scanner.space();
  const folder = scanner.mailbox();
  scanner.space();
  const flags = scanner.ahead('(') ? scanner.list(() => scanner.flag()) : [];
  scanner.trySpace();
  const dateTime = scanner.ahead('"') ? scanner.string() : undefined;
  const internalDate = dateTime === undefined ? undefined : parseDateTime(dateTime);
  if (dateTime !== undefined && internalDate === undefined) throw new ImapSyntaxError('The date is malformed.');
  const { message } = call.raw;
  if (message === undefined) throw new ImapSyntaxError('The message is missing; it is sent as a literal.');
  return { folder, flags, internalDate, message };
}

/** A missing target is told in the way that makes clients create it (RFC 9051 section 7.1). */
export async function tryCreate<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof MailStoreError) || error.code !== 'no-such-folder') throw error;
    throw new ImapReply('NO', error.message, { code: 'TRYCREATE', cause: error });
  }
}

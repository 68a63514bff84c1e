import { Readable } from 'node:stream';
import { MailStoreError } from '../../mailbox/mail-store.ts';
import { withoutBinary } from '../append/without-binary.ts';
import { type CommandCall, command } from '../command.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import type { MessageLiteral } from '../wire/command-reader.ts';
import { parseDateTime } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';

/** RFC 9051 section 6.3.12, with the code of RFC 4315. A refusal comes before the message is sent, where it can. */
export const append = command(parseAppend, async (context, { folder, flags, internalDate, message }) => {
  await tryCreate(() => context.store.status(folder));
  const { appendLimit } = context.store;
  if (appendLimit !== undefined && message.size > appendLimit) {
    // RFC 7889: before the client sends it, where it waits; where it does not, too much is on its way to read past it.
    const bye = !message.synchronizing;
    throw new ImapReply('NO', `Messages of more than ${appendLimit} bytes are not taken.`, { code: 'TOOBIG', bye });
  }
  const { content, size } = message.binary ? await converted(message) : await accepted(message);
  const { uidValidity, uid } = await tryCreate(() =>
    context.store.append(folder, { content, size, flags, ...(internalDate && { internalDate }) }),
  );
  return { text: 'APPEND completed.', code: `APPENDUID ${uidValidity} ${uid}` };
});

/** A message that may hold NUL is converted in memory, and so must not be larger than this. */
const maxBinaryBytes = 32 * 1024 * 1024;

async function accepted(message: MessageLiteral): Promise<{ content: Readable; size: number }> {
  return { content: await message.accept(), size: message.size };
}

async function converted(message: MessageLiteral): Promise<{ content: Readable; size: number }> {
  if (message.size > maxBinaryBytes) {
    throw new ImapReply('NO', 'A message of that size is not converted from binary.', { code: 'UNKNOWN-CTE' });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await message.accept()) chunks.push(chunk as Buffer);
  const octets = withoutBinary(Buffer.concat(chunks));
  return { content: Readable.from([octets], { objectMode: false }), size: octets.length };
}

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
  scanner.trySpace();
  const internalDate = dateTime === undefined ? undefined : parseDateTime(dateTime);
  if (dateTime !== undefined && internalDate === undefined) throw new ImapSyntaxError('The date is malformed.');
  // RFC 6855 section 4: what is closed behind the message is read with it.
  if (scanner.tryWord('UTF8')) {
    scanner.space();
    scanner.expect('(');
  }
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

import { Readable } from 'node:stream';
import { type AppendedMessage, MailStoreError } from '../../mailbox/mail-store.ts';
import { withoutBinary } from '../append/without-binary.ts';
import { type CommandCall, command, type ImapContext } from '../command.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import { parseDateTime } from '../wire/format.ts';
import type { MessageLiteral } from '../wire/message-literal.ts';
import { Scanner } from '../wire/scanner.ts';
import { formatSequenceSet } from '../wire/sequence-set.ts';

/**
 * RFC 9051 section 6.3.12 and RFC 3502, with the code of RFC 4315. A refusal comes before a message is sent, where it can;
 * then none of the command's messages is stored.
 */
export const append = command(parseAppend, async (context, { folder, first }) => {
  const { uidValidity, uids } = await tryCreate(() => context.store.append(folder, messagesOf(context, first)));
  const code = uids && `APPENDUID ${uidValidity} ${formatSequenceSet(uids)}`;
  return { text: 'APPEND completed.', ...(code !== undefined && { code }) };
});

/** Messages of one command, and octets of all of them. A store keeps them until the last one is there. */
const most = { messages: 1_000, octets: 300 * 1024 * 1024 };

/** The messages as the client sends them, each let in when the store asks for it. */
async function* messagesOf(context: ImapContext, first: MessageArguments): AsyncGenerator<AppendedMessage> {
  let octets = 0;
  let messages = 0;
  for (let next: MessageArguments | undefined = first; next !== undefined; next = await behind(context, next.message)) {
    const { message, flags, internalDate } = next;
    messages += 1;
    octets += message.size;
    assertTaken(context, message, messages > 1 && (messages > most.messages || octets > most.octets));
    const { content, size } = message.binary ? await converted(message) : await accepted(message);
    yield { content, size, flags, ...(internalDate && { internalDate }) };
  }
}

/** @throws ImapReply */
function assertTaken({ store: { appendLimit } }: ImapContext, message: MessageLiteral, tooMany: boolean): void {
  // Before the client sends it, where it waits; where it does not, too much is on its way to read past it.
  const bye = !message.synchronizing;
  if (appendLimit !== undefined && message.size > appendLimit) {
    throw new ImapReply('NO', `Messages of more than ${appendLimit} bytes are not taken.`, { code: 'TOOBIG', bye });
  }
  if (tooMany) throw new ImapReply('NO', 'The APPEND has too many messages.', { code: 'LIMIT', bye });
  // RFC 3502 section 3: by an empty message a client takes the whole command back.
  if (message.size === 0) throw new ImapReply('NO', 'The APPEND is cancelled by an empty message.');
}

async function behind(context: ImapContext, message: MessageLiteral): Promise<MessageArguments | undefined> {
  const next = await message.next();
  if (next === undefined) return undefined;
  if (!context.announces('MULTIAPPEND')) throw new ImapSyntaxError('Only one message can be appended at a time.');
  const scanner = new Scanner([next.text]);
  scanner.space();
  const found = parseMessage(scanner, next.message);
  scanner.end();
  return found;
}

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

interface MessageArguments {
  readonly flags: readonly string[];
  readonly internalDate: Date | undefined;
  readonly message: MessageLiteral;
}

function parseAppend(scanner: Scanner, call: CommandCall): { folder: string; first: MessageArguments } {
  scanner.space();
  const folder = scanner.mailbox();
  scanner.space();
  return { folder, first: parseMessage(scanner, call.raw.message) };
}

/** Flags and date before a message. */
function parseMessage(scanner: Scanner, message: MessageLiteral | undefined): MessageArguments {
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
  if (message === undefined) throw new ImapSyntaxError('The message is missing; it is sent as a literal.');
  return { flags, internalDate, message };
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

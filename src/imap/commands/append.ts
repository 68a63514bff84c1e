import { Readable } from 'node:stream';
import { type AppendedMessage, MailStoreError, type OpenFolder } from '../../mailbox/mail-store.ts';
import { AppendArguments } from '../append/arguments.ts';
import { catenate } from '../append/catenate.ts';
import { withoutBinary } from '../append/without-binary.ts';
import type { ImapCommand, ImapContext } from '../command.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import type { MessageLiteral } from '../wire/message-literal.ts';
import { formatSequenceSet } from '../wire/sequence-set.ts';

/**
 * RFC 9051 section 6.3.12, RFC 3502 and RFC 4469, with the response code of RFC 4315. A refusal comes before a message
 * is sent, if possible; then none of the command's messages is stored.
 */
export const append: ImapCommand = (scanner, { raw }) => {
  scanner.space();
  const folder = scanner.mailbox();
  scanner.space();
  const given = new AppendArguments(scanner, raw.message);
  if (given.hasEnded) throw new ImapSyntaxError('The message is missing; it is sent as a literal.');
  return async (context) => {
    const sources = new Sources(context);
    try {
      const { uidValidity, uids } = await tryCreate(() =>
        context.store.append(folder, messagesOf(context, given, sources)),
      );
      const code = uids && `APPENDUID ${uidValidity} ${formatSequenceSet(uids)}`;
      return { text: 'APPEND completed.', ...(code !== undefined && { code }) };
    } finally {
      await sources.close();
    }
  };
};

/** Folders that messages are assembled from, each opened once. */
class Sources {
  readonly #context: ImapContext;
  readonly #open = new Map<string, Promise<OpenFolder>>();

  constructor(context: ImapContext) {
    this.#context = context;
  }

  folder(name: string): Promise<OpenFolder> {
    const opened = this.#open.get(name) ?? this.#context.store.open(name, { readOnly: true });
    this.#open.set(name, opened);
    return opened;
  }

  /** Never rejects. */
  async close(): Promise<void> {
    for (const opened of this.#open.values()) await opened.then((folder) => folder.close()).catch(() => {});
  }
}

/**
 * Maximum number of messages in one command, and of bytes in all of them. A store keeps them until the last one has
 * arrived.
 */
const most = { messages: 1_000, octets: 300 * 1024 * 1024 };

/** The messages as the client sends them, each accepted when the store asks for it. */
async function* messagesOf(
  context: ImapContext,
  given: AppendArguments,
  sources: Sources,
): AsyncGenerator<AppendedMessage> {
  let octets = 0;
  for (let messages = 1; ; messages++) {
    const { flags, internalDate, isCatenated } = given.message();
    const facts = { flags, ...(internalDate && { internalDate }) };
    if (isCatenated) {
      const made = await putTogether(context, given, sources);
      octets += made.length;
      assertRoom(messages, octets, false);
      yield { content: Readable.from([made], { objectMode: false }), size: made.length, ...facts };
    } else {
      const message = given.literal();
      octets += message.size;
      assertTaken(context, message);
      assertRoom(messages, octets, !message.synchronizing);
      yield { ...(message.binary ? await converted(message) : await accepted(message)), ...facts };
      await given.advance();
    }
    if (given.hasEnded) return;
    if (!given.isMore) throw new ImapSyntaxError('Unexpected text after the message.');
    if (!context.announces('MULTIAPPEND')) throw new ImapSyntaxError('Only one message can be appended at a time.');
    given.scanner.space();
  }
}

async function putTogether(context: ImapContext, given: AppendArguments, sources: Sources): Promise<Buffer> {
  if (!context.announces('CATENATE')) throw new ImapSyntaxError('CATENATE is not offered.');
  const { octets, binary } = await catenate(context, given, (name) => sources.folder(name));
  if (octets.length === 0) throw new ImapReply('NO', 'The message that was put together is empty.');
  return binary ? withoutBinary(octets) : octets;
}

/** @throws ImapReply */
function assertTaken({ store: { appendLimit } }: ImapContext, message: MessageLiteral): void {
  // Sent before the message if the client waits. If it does not, too much is already on its way to read past.
  const bye = !message.synchronizing;
  if (appendLimit !== undefined && message.size > appendLimit) {
    throw new ImapReply('NO', `Messages of more than ${appendLimit} bytes are not taken.`, { code: 'TOOBIG', bye });
  }
  // RFC 3502 section 3: a client cancels the whole command by sending an empty message.
  if (message.size === 0) throw new ImapReply('NO', 'The APPEND is cancelled by an empty message.');
}

/** @throws ImapReply */
function assertRoom(messages: number, octets: number, bye: boolean): void {
  if (messages === 1 || (messages <= most.messages && octets <= most.octets)) return;
  throw new ImapReply('NO', 'The APPEND has too many messages.', { code: 'LIMIT', bye });
}

/** A message that may contain NUL is converted in memory, so it must not be larger than this. */
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

/** Reports a missing target with the code that makes clients create it (RFC 9051 section 7.1). */
export async function tryCreate<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof MailStoreError) || error.code !== 'no-such-folder') throw error;
    throw new ImapReply('NO', error.message, { code: 'TRYCREATE', cause: error });
  }
}

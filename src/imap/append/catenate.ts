import type { Readable } from 'node:stream';
import { MailStoreError, type OpenFolder } from '../../mailbox/mail-store.ts';
import type { ImapContext } from '../command.ts';
import { ParsedMessage } from '../fetch/parsed-message.ts';
import { sectionOctets } from '../fetch/section.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import type { AppendArguments } from './arguments.ts';
import { badUrl, type MessageUrl, parseMessageUrl } from './message-url.ts';

/** The size must be known before the message is stored, so it is assembled in memory. */
export const maxCatenatedBytes = 32 * 1024 * 1024;
const maxUrlBytes = 8 * 1024;
/** Maximum number of pieces in one message. */
const maxPieces = 200;

/** An assembled message. */
export interface Catenated {
  readonly octets: Buffer;
  /** A piece may contain NUL. */
  readonly binary: boolean;
}

/**
 * Assembles a message from what the client sends and what is already stored (RFC 4469). Consumes `(…)` from the
 * arguments.
 * @param open opens a folder of the mailbox for reading; the caller closes it
 * @throws ImapReply, ImapSyntaxError, MailStoreError
 */
export async function catenate(
  context: ImapContext,
  given: AppendArguments,
  open: (folder: string) => Promise<OpenFolder>,
): Promise<Catenated> {
  const pieces: Buffer[] = [];
  let octets = 0;
  let binary = false;
  const room = (more: number, bye: boolean) => {
    octets += more;
    const most = Math.min(maxCatenatedBytes, context.store.appendLimit ?? maxCatenatedBytes);
    if (octets > most) {
      throw new ImapReply('NO', `Messages of more than ${most} bytes are not put together.`, { code: 'TOOBIG', bye });
    }
  };
  given.scanner.expect('(');
  do {
    if (pieces.length >= maxPieces) throw new ImapReply('NO', 'The message has too many pieces.', { code: 'LIMIT' });
    const word = given.scanner.word();
    given.scanner.space();
    if (word === 'TEXT') {
      const literal = given.literal();
      room(literal.size, !literal.synchronizing);
      binary ||= literal.binary;
      pieces.push(await collected(await literal.accept()));
      await given.advance();
    } else if (word === 'URL') {
      const piece = await stored(await urlOf(given), context, open);
      room(piece.length, false);
      pieces.push(piece);
    } else throw new ImapSyntaxError('A piece of a message is TEXT or URL.');
  } while (!given.scanner.try(')') && goOn(given));
  return { octets: Buffer.concat(pieces), binary };
}

function goOn({ scanner }: AppendArguments): true {
  scanner.space();
  return true;
}

async function urlOf(given: AppendArguments): Promise<string> {
  if (!given.aheadLiteral) return given.scanner.astring();
  const literal = given.literal();
  if (literal.size > maxUrlBytes) {
    throw new ImapReply('NO', 'The URL is too long.', { code: 'LIMIT', bye: !literal.synchronizing });
  }
  const url = (await collected(await literal.accept())).toString();
  await given.advance();
  return url;
}

/** Returns what a URL refers to. */
async function stored(
  url: string,
  context: ImapContext,
  open: (folder: string) => Promise<OpenFolder>,
): Promise<Buffer> {
  const wanted = parseMessageUrl(url);
  const name = wanted.folder ?? selectedName(context);
  if (name === undefined) throw badUrl(url);
  try {
    const folder = await open(name);
    if (wanted.uidValidity !== undefined && wanted.uidValidity !== folder.uidValidity) throw badUrl(url);
    const { size, stream } = await folder.content(wanted.uid);
    if (size !== undefined && size > maxCatenatedBytes) {
      stream.destroy();
      throw new ImapReply('NO', 'A message of that size is not put into another.', { code: 'TOOBIG' });
    }
    const found = partOf(await collected(stream), wanted);
    if (found) return found;
  } catch (error) {
    const isMissing = error instanceof MailStoreError && /^no-such-/.test(error.code);
    if (!isMissing) throw error;
  }
  throw badUrl(url);
}

function selectedName(context: ImapContext): string | undefined {
  return context.state === 'selected' ? context.folder.open.name : undefined;
}

function partOf(octets: Buffer, { section, range }: MessageUrl): Buffer | undefined {
  const part = sectionOctets(new ParsedMessage(octets), section);
  return range && part ? part.subarray(range.offset, range.offset + range.length) : part;
}

async function collected(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of stream) {
    octets += (chunk as Buffer).length;
    if (octets > maxCatenatedBytes) {
      throw new ImapReply('NO', 'A message of that size is not put into another.', { code: 'TOOBIG' });
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

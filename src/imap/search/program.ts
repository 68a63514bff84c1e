import { ImapReply } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';
import { everyKey, parseSearchKeys, type SearchKey } from './keys.ts';

/** What SEARCH, SORT and THREAD look for. */
export interface SearchProgram {
  readonly charset: string;
  readonly key: SearchKey;
}

/** `[CHARSET name] key …` */
export function parseSearchProgram(scanner: Scanner): SearchProgram {
  let charset = 'UTF-8';
  if (scanner.tryWord('CHARSET')) {
    scanner.space();
    charset = scanner.astring().toUpperCase();
    scanner.space();
  }
  return { charset, key: parseSearchKeys(scanner) };
}

/** @throws ImapReply for a charset that nobody reads here */
export function assertCharset({ charset }: SearchProgram): void {
  if (charset === 'UTF-8' || charset === 'US-ASCII') return;
  throw new ImapReply('NO', 'The charset is not supported.', { code: 'BADCHARSET (UTF-8 US-ASCII)' });
}

/** Whether the program asks for mod-sequences, which are then told with the result (RFC 7162 section 3.1.5). */
export function asksModseq(key: SearchKey): boolean {
  for (const each of everyKey(key)) if (each.kind === 'modseq') return true;
  return false;
}

import { ImapReply } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';
import { everyKey, parseSearchKeys, type SearchKey } from './keys.ts';

/** The search program of SEARCH, SORT and THREAD. */
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

/** @throws ImapReply for an unsupported charset */
export function assertCharset({ charset }: SearchProgram): void {
  if (charset === 'UTF-8' || charset === 'US-ASCII') return;
  throw new ImapReply('NO', 'The charset is not supported.', { code: 'BADCHARSET (UTF-8 US-ASCII)' });
}

/** Tells whether the program uses mod-sequences, which are then included in the result (RFC 7162 section 3.1.5). */
export function asksModseq(key: SearchKey): boolean {
  for (const each of everyKey(key)) if (each.kind === 'modseq') return true;
  return false;
}

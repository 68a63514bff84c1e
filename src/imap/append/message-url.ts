import { parseSectionText } from '../fetch/items.ts';
import type { Section } from '../fetch/section.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import { Scanner } from '../wire/scanner.ts';

/** A message of this mailbox, or a part of one (RFC 5092 section 5.1, `imessagepart` without a server). */
export interface MessageUrl {
  /** In Unicode; undefined: the selected folder. */
  readonly folder: string | undefined;
  readonly uidValidity: number | undefined;
  readonly uid: number;
  readonly section: Section;
  readonly range: { readonly offset: number; readonly length: number } | undefined;
}

const form =
  /^(?:\/(?<folder>[^;]+?))?(?:;UIDVALIDITY=(?<validity>\d{1,10}))?\/?;UID=(?<uid>\d{1,10})(?:\/?;SECTION=(?<section>[^;]*?))?(?:\/?;PARTIAL=(?<offset>\d{1,10})(?:\.(?<length>\d{1,10}))?)?\/?$/i;

/** The URL refers to nothing here (RFC 4469 section 4). */
export function badUrl(url: string): ImapReply {
  const shown = /^[\x21-\x7e]{1,500}$/.test(url) && !/["\\\]]/.test(url) ? ` "${url}"` : '';
  return new ImapReply('NO', 'A URL names no message here that can be read.', { code: `BADURL${shown}` });
}

/** @throws ImapReply BADURL for anything else, including URLs of other servers */
export function parseMessageUrl(url: string): MessageUrl {
  const { folder, validity, uid, section = '', offset, length } = form.exec(url)?.groups ?? {};
  if (uid === undefined) throw badUrl(url);
  try {
    const scanner = new Scanner([`${decodeURIComponent(section)}]`]);
    const named = folder === undefined ? undefined : decodeURIComponent(folder);
    const parsed = parseSectionText(scanner);
    scanner.end();
    return {
      folder: named?.toUpperCase() === 'INBOX' ? 'INBOX' : named,
      uidValidity: validity === undefined ? undefined : Number(validity),
      uid: Number(uid),
      section: { ...parsed, fields: parsed.fields.map((field) => field.toUpperCase()) },
      range:
        offset === undefined
          ? undefined
          : { offset: Number(offset), length: length === undefined ? Number.POSITIVE_INFINITY : Number(length) },
    };
  } catch (error) {
    if (error instanceof URIError || error instanceof ImapSyntaxError) throw badUrl(url);
    throw error;
  }
}

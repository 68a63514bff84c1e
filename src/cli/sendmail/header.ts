import { parseAddressList } from '../../message/address/address.ts';
import type { HeaderBlock, HeaderField } from '../../message/header/fields.ts';
import { encodedWords } from '../../message/mime/encodings.ts';
import { isAscii } from '../../message/safe-text.ts';
import { exitCodes, SendmailError } from './exit.ts';

/**
 * The recipients that a header names, for -t: those of the last resending, if there is one (RFC 5322 section 3.6.6).
 * @throws SendmailError EX_DATAERR if one of them cannot be read
 */
export function headerRecipients(header: HeaderBlock): string[] {
  const resent = ['Resent-To', 'Resent-Cc', 'Resent-Bcc'];
  const isResent = header.fields.some((field) => resent.some((name) => field.is(name)));
  const names = isResent ? resent : ['To', 'Cc', 'Bcc'];
  return names.flatMap((name) => header.getAll(name).flatMap((value) => addressesIn(value, name)));
}

/** Recipients of the command line: `a@b.c`, `<a@b.c>`, `a@b.c,d@e.f`. */
export function argumentRecipients(args: readonly string[]): string[] {
  return args.flatMap((value) => addressesIn(value, 'recipient'));
}

/** Except tabs, which are allowed wherever a space is. */
const controls = /[^\P{Cc}\t]/u;

function addressesIn(value: string, where: string): string[] {
  const { addresses, problems } = parseAddressList(value);
  if (controls.test(value)) {
    const quoted = value.slice(0, 100);
    throw new SendmailError(exitCodes.dataError, `control character in the addresses of ${where}: ${quoted}`);
  }
  // A recipient who silently gets nothing would be worse than a message that is returned as a whole.
  if (problems.includes('not-an-address') || (addresses.length === 0 && problems.length > 0)) {
    const which = addresses.length === 0 ? 'no address' : 'not every address';
    throw new SendmailError(exitCodes.dataError, `${which} can be read from ${where}: ${value.slice(0, 100)}`);
  }
  return addresses.map(({ address }) => address);
}

/** The header as submitted: without Bcc if it has named recipients, with a From if only -F has one. */
export function handedHeader(
  header: HeaderBlock,
  options: { readonly fromHeader: boolean; readonly name: string | undefined; readonly sender: string },
): Buffer {
  const hasFrom = (header.get('From') ?? '') !== '';
  const { name, sender } = options;
  return header.edit({
    drop: (field: HeaderField) => options.fromHeader && (field.is('Bcc') || field.is('Resent-Bcc')),
    suffix: hasFrom || name === undefined || sender === '' ? '' : `From: ${displayName(name)} <${sender}>\r\n`,
  });
}

function displayName(name: string): string {
  const line = name.replace(/[\p{Cc}]+/gu, ' ');
  return isAscii(line) ? `"${line.replace(/["\\]/g, '\\$&')}"` : encodedWords(line);
}

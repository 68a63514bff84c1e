import { command, type ImapCompletion } from '../command.ts';
import { asksModseq, assertCharset, parseSearchProgram, type SearchProgram } from '../search/program.ts';
import { parseResultOptions, type ResultOption, tellExtended, tellPlain } from '../search/result.ts';
import { searched } from '../search/run.ts';
import type { Scanner } from '../wire/scanner.ts';

interface SearchArguments extends SearchProgram {
  readonly asked: readonly ResultOption[] | undefined;
}

/** RFC 9051 section 6.4.4, with the response of RFC 3501 if RETURN is not given. */
export const search = command(parseSearch, async (context, { asked, ...program }, call): Promise<ImapCompletion> => {
  const { byUid, raw } = call;
  const withModseq = asksModseq(program.key);
  if (withModseq) context.enable(['CONDSTORE']);
  try {
    assertCharset(program);
    const result = { uids: await searched(context, program.key), byUid, withModseq };
    // IMAP4rev2 has no other response (RFC 9051 appendix E).
    const options = asked ?? (context.enabled.rev2 ? (['ALL'] as const) : undefined);
    if (options === undefined) tellPlain(context, 'SEARCH', result);
    else tellExtended(context, raw.tag, options, result);
  } catch (error) {
    // RFC 5182 section 2.1: a search that fails leaves nothing saved.
    if (asked?.includes('SAVE')) context.folder.saved = [];
    throw error;
  }
  return { text: 'SEARCH completed.', holdExpunges: !byUid };
});

function parseSearch(scanner: Scanner): SearchArguments {
  scanner.space();
  const asked = parseResultOptions(scanner);
  return { asked, ...parseSearchProgram(scanner) };
}

import { TimeSlice } from '../../base/turns/time-slice.ts';
import { command, type ImapCompletion, type ImapContext } from '../command.ts';
import { FetchedMessage } from '../fetch/message-source.ts';
import { parseSearchKeys } from '../search/keys.ts';
import { asksModseq, assertCharset, type SearchProgram } from '../search/program.ts';
import { parseResultOptions, type ResultOption, tellExtended, tellPlain } from '../search/result.ts';
import { searched } from '../search/run.ts';
import { parseSortCriteria, type SortCriterion, sortFields } from '../sort/criteria.ts';
import { inOrder, type SortedMessage, sortedMessage } from '../sort/order.ts';
import type { Scanner } from '../wire/scanner.ts';

interface SortArguments extends SearchProgram {
  readonly asked: readonly ResultOption[] | undefined;
  readonly criteria: readonly SortCriterion[];
}

/** RFC 5256, with the results of RFC 5267 section 3.1. */
export const sort = command(
  parseSort,
  async (context, { asked, criteria, ...program }, call): Promise<ImapCompletion> => {
    assertCharset(program);
    const { byUid, raw } = call;
    const withModseq = asksModseq(program.key);
    if (withModseq) context.enable(['CONDSTORE']);
    const messages = await sortable(context, await searched(context, program.key), criteria);
    const result = { uids: await inOrder(messages, criteria, context.presence.gone), byUid, withModseq };
    if (asked === undefined) tellPlain(context, 'SORT', result);
    else tellExtended(context, raw.tag, asked, result);
    return { text: 'SORT completed.', holdExpunges: !byUid };
  },
);

function parseSort(scanner: Scanner): SortArguments {
  scanner.space();
  const asked = parseResultOptions(scanner);
  const criteria = parseSortCriteria(scanner);
  scanner.space();
  return { asked, criteria, ...parseCharsetAndKeys(scanner) };
}

/** The charset comes first, without a keyword (RFC 5256 section 3). */
export function parseCharsetAndKeys(scanner: Scanner): SearchProgram {
  const charset = scanner.astring().toUpperCase();
  scanner.space();
  return { charset, key: parseSearchKeys(scanner) };
}

async function sortable(
  { folder, presence }: ImapContext,
  uids: readonly number[],
  criteria: readonly SortCriterion[],
): Promise<SortedMessage[]> {
  const messages: SortedMessage[] = [];
  const slice = new TimeSlice(presence.gone);
  const fields = sortFields(criteria);
  if (fields.length === 0) {
    for (const uid of uids) {
      const message = folder.get(uid);
      if (message !== undefined) messages.push(sortedMessage(message, undefined, criteria));
      if (slice.isOver) await slice.next();
    }
    return messages;
  }
  for await (const { uid, header } of folder.open.headers(uids, presence.gone, fields)) {
    presence.gone.throwIfAborted();
    const message = folder.get(uid);
    if (message === undefined) continue;
    if (slice.isOver) await slice.next();
    messages.push(sortedMessage(message, await FetchedMessage.ofHeader(header).header(), criteria));
  }
  return messages;
}

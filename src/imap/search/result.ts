import type { ImapContext } from '../command.ts';
import { ImapSyntaxError } from '../reply.ts';
import { formatString } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';
import { formatSequenceSet } from '../wire/sequence-set.ts';

const options = ['MIN', 'MAX', 'ALL', 'COUNT', 'SAVE'] as const;

/** What a search reports of its result (RFC 4731, RFC 5182). */
export type ResultOption = (typeof options)[number];

/** Parses `RETURN (…) `; undefined if it is absent. */
export function parseResultOptions(scanner: Scanner): readonly ResultOption[] | undefined {
  if (!scanner.tryWord('RETURN')) return undefined;
  scanner.space();
  const words = scanner.list(() => {
    const word = scanner.word();
    const option = options.find((each) => each === word);
    if (option === undefined) throw new ImapSyntaxError('Unknown result option.');
    return option;
  });
  scanner.space();
  return words.length === 0 ? ['ALL'] : words;
}

/** The result of a search, in the order to report it. */
export interface SearchResult {
  readonly uids: readonly number[];
  readonly byUid: boolean;
  /** MODSEQ is included, too. */
  readonly withModseq: boolean;
}

/** `* ESEARCH (TAG "a") UID MIN 2 …` (RFC 4731 section 3.1); a saved result replaces the previous one. */
export function tellExtended(
  { folder, out }: ImapContext,
  tag: string,
  asked: readonly ResultOption[],
  { uids, byUid, withModseq }: SearchResult,
): void {
  const numbers = byUid ? uids : uids.map((uid) => folder.sequenceNumber(uid));
  const [first, last] = [numbers[0], numbers.at(-1)];
  const found = first !== undefined && last !== undefined;
  const ends = endsAsked(asked, uids);
  if (asked.includes('SAVE')) folder.saved = [...ends].sort((a, b) => a - b);
  if (asked.every((option) => option === 'SAVE')) return;
  const told = [
    ...(byUid ? ['UID'] : []),
    ...(asked.includes('MIN') && found ? [`MIN ${first}`] : []),
    ...(asked.includes('MAX') && found ? [`MAX ${last}`] : []),
    ...(asked.includes('ALL') && found ? [`ALL ${formatSequenceSet(numbers)}`] : []),
    ...(asked.includes('COUNT') ? [`COUNT ${numbers.length}`] : []),
    ...(withModseq && found ? [`MODSEQ ${highestModseq(folder, ends)}`] : []),
  ];
  out.untagged(['ESEARCH', `(TAG ${formatString(tag)})`, ...told].join(' '));
}

/**
 * Messages that the result covers: only its ends if nothing else is requested (RFC 5182 section 2.4, RFC 7162 section
 * 3.1.6).
 */
function endsAsked(asked: readonly ResultOption[], uids: readonly number[]): readonly number[] {
  const all = asked.includes('ALL') || asked.includes('COUNT') || !(asked.includes('MIN') || asked.includes('MAX'));
  const [first, last] = [uids[0], uids.at(-1)];
  if (all || first === undefined || last === undefined) return uids;
  return [...new Set([...(asked.includes('MIN') ? [first] : []), ...(asked.includes('MAX') ? [last] : [])])];
}

/** `SEARCH 2 5 (MODSEQ 17)`, in the form of RFC 3501 with RFC 7162 section 3.1.5. */
export function tellPlain(
  { folder, out }: ImapContext,
  name: 'SEARCH' | 'SORT',
  { uids, byUid, withModseq }: SearchResult,
): void {
  const numbers = byUid ? uids : uids.map((uid) => folder.sequenceNumber(uid));
  const modseq = withModseq && uids.length > 0 ? [`(MODSEQ ${highestModseq(folder, uids)})`] : [];
  out.untagged([name, ...numbers, ...modseq].join(' '));
}

function highestModseq(folder: ImapContext['folder'], uids: readonly number[]): number {
  return uids.reduce((highest, uid) => Math.max(highest, folder.get(uid)?.modseq ?? 0), 0);
}

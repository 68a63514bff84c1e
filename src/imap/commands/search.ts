import { MailStoreError } from '../../mailbox/mail-store.ts';
import { command, type ImapCompletion, type ImapContext } from '../command.ts';
import { FetchedMessage } from '../fetch/message-source.ts';
import { ImapReply } from '../reply.ts';
import { parseSearchKeys, type SearchKey } from '../search/keys.ts';
import { type Candidate, matches } from '../search/match.ts';
import type { Scanner } from '../wire/scanner.ts';

/** RFC 9051 section 6.4.4, with the response of RFC 3501. */
export const search = command(parseSearch, async (context, { charset, key }, { byUid }): Promise<ImapCompletion> => {
  if (!['UTF-8', 'US-ASCII'].includes(charset)) {
    throw new ImapReply('NO', 'The charset is not supported.', { code: 'BADCHARSET (UTF-8 US-ASCII)' });
  }
  const { folder, out } = context;
  const candidates = candidatesOf(context);
  const found: number[] = [];
  for (const uid of [...folder.uids]) {
    context.presence.gone.throwIfAborted();
    const candidate = candidates(uid);
    if (candidate === undefined || !(await foundIn(candidate, key))) continue;
    found.push(byUid ? uid : folder.sequenceNumber(uid));
  }
  out.untagged(['SEARCH', ...found].join(' '));
  return { text: 'SEARCH completed.', holdExpunges: !byUid };
});

function parseSearch(scanner: Scanner): { charset: string; key: SearchKey } {
  scanner.space();
  let charset = 'UTF-8';
  if (scanner.tryWord('CHARSET')) {
    scanner.space();
    charset = scanner.astring().toUpperCase();
    scanner.space();
  }
  return { charset, key: parseSearchKeys(scanner) };
}

async function foundIn(candidate: Candidate, key: SearchKey): Promise<boolean> {
  try {
    return await matches(key, candidate);
  } catch (error) {
    if (error instanceof MailStoreError && error.code === 'no-such-message') return false;
    throw error;
  }
}

function candidatesOf({ folder }: ImapContext): (uid: number) => Candidate | undefined {
  // Each set is resolved once for all messages.
  const sets = new Map<SearchKey, ReadonlySet<number>>();
  const named = (key: SearchKey & { kind: 'numbers' }, uid: number): boolean => {
    const known = sets.get(key) ?? new Set(folder.resolve(key.set, key.byUid));
    sets.set(key, known);
    return known.has(uid);
  };
  return (uid) => {
    const message = folder.get(uid);
    if (message === undefined) return undefined;
    return { message, named: (key) => named(key, uid), source: new FetchedMessage(folder.open, uid) };
  };
}

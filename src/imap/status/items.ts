import type { FolderStatus } from '../../mailbox/mail-store.ts';
import type { ImapContext } from '../command.ts';
import { ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';

const counters = {
  MESSAGES: (status: FolderStatus) => status.messages,
  RECENT: (status: FolderStatus) => status.recent,
  UIDNEXT: (status: FolderStatus) => status.uidNext,
  UIDVALIDITY: (status: FolderStatus) => status.uidValidity,
  UNSEEN: (status: FolderStatus) => status.unseen,
  DELETED: (status: FolderStatus) => status.deleted,
  SIZE: (status: FolderStatus) => status.size,
  HIGHESTMODSEQ: (status: FolderStatus) => status.highestModseq,
  MAILBOXID: (status: FolderStatus) => `(${status.id})`,
} as const;

/** An item of STATUS (RFC 9051 section 6.3.11, RFC 7162, RFC 7889, RFC 8438, RFC 8474). */
export type StatusItem = keyof typeof counters | 'APPENDLIMIT';

/** ` (MESSAGES UNSEEN …)` */
export function parseStatusItems(scanner: Scanner): readonly StatusItem[] {
  scanner.space();
  return scanner.list(
    () => {
      const word = scanner.word();
      if (!Object.hasOwn(counters, word) && word !== 'APPENDLIMIT') throw new ImapSyntaxError('Unknown STATUS item.');
      return word as StatusItem;
    },
    { allowEmpty: false },
  );
}

/** Sends `* STATUS folder (…)`. @throws MailStoreError */
export async function tellStatus(context: ImapContext, folder: string, items: readonly StatusItem[]): Promise<void> {
  const asks = items.some((item) => item !== 'APPENDLIMIT');
  const status = asks ? await context.store.status(folder) : undefined;
  // RFC 7162 section 3.1: a client that asks for it wants MODSEQ from here on.
  if (items.includes('HIGHESTMODSEQ')) context.enable(['CONDSTORE']);
  const values = items.map((item) => {
    if (item === 'APPENDLIMIT') return `APPENDLIMIT ${context.store.appendLimit ?? 'NIL'}`;
    return `${item} ${status === undefined ? 0 : counters[item](status)}`;
  });
  context.out.untagged(`STATUS ${context.out.mailbox(folder)} (${values.join(' ')})`);
}

import { command, type ImapCompletion } from '../command.ts';
import { ImapReply, ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';
import type { SequenceSet } from '../wire/sequence-set.ts';
import { messagesNamed } from './message-set.ts';

interface StoreArguments {
  readonly set: SequenceSet;
  readonly how: 'add' | 'remove' | 'replace';
  readonly silent: boolean;
  readonly flags: readonly string[];
}

/** RFC 9051 section 6.4.6. */
export const store = command(
  parseStore,
  async (context, { set, how, silent, flags }, { byUid }): Promise<ImapCompletion> => {
    const { folder, out } = context;
    if (folder.open.readOnly) throw new ImapReply('NO', 'The folder was opened to read only.', { code: 'READ-ONLY' });
    const uids = messagesNamed(folder, set, byUid);
    const changed = await folder.open.setFlags(uids, how, flags);
    for (const [uid, now] of changed) {
      folder.setFlags(uid, now);
      if (silent) continue;
      out.untagged(`${folder.sequenceNumber(uid)} FETCH (${byUid ? `UID ${uid} ` : ''}FLAGS (${now.join(' ')}))`);
      await out.drained();
    }
    return { text: 'STORE completed.', holdExpunges: !byUid };
  },
);

function parseStore(scanner: Scanner): StoreArguments {
  scanner.space();
  const set = scanner.sequenceSet();
  scanner.space();
  const how = scanner.try('+') ? 'add' : scanner.try('-') ? 'remove' : 'replace';
  const item = scanner.word();
  if (item !== 'FLAGS' && item !== 'FLAGS.SILENT') throw new ImapSyntaxError('STORE changes only FLAGS.');
  scanner.space();
  return { set, how, silent: item === 'FLAGS.SILENT', flags: parseFlags(scanner) };
}

function parseFlags(scanner: Scanner): string[] {
  if (scanner.ahead('(')) return scanner.list(() => scanner.flag());
  const flags = [scanner.flag()];
  while (scanner.trySpace()) flags.push(scanner.flag());
  return flags;
}

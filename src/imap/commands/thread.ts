import { TimeSlice } from '../../base/turns/time-slice.ts';
import { command, type ImapCompletion, type ImapContext } from '../command.ts';
import { FetchedMessage } from '../fetch/message-source.ts';
import { ImapSyntaxError } from '../reply.ts';
import { assertCharset, type SearchProgram } from '../search/program.ts';
import { searched } from '../search/run.ts';
import { type ThreadedMessage, threadedMessage } from '../thread/message.ts';
import { formatThreads, type ThreadNode } from '../thread/node.ts';
import { Numbering } from '../thread/numbering.ts';
import { threadsBySubject } from '../thread/ordered-subject.ts';
import { threadsByReferences } from '../thread/references.ts';
import type { Scanner } from '../wire/scanner.ts';
import { parseCharsetAndKeys } from './sort.ts';

type Algorithm = (messages: readonly ThreadedMessage[], slice: TimeSlice) => Promise<readonly ThreadNode[]>;

const algorithms: Readonly<Record<string, Algorithm>> = {
  ORDEREDSUBJECT: threadsBySubject,
  REFERENCES: threadsByReferences,
};

interface ThreadArguments extends SearchProgram {
  readonly threads: Algorithm;
}

/** RFC 5256. */
export const thread = command(
  parseThread,
  async (context, { threads, ...program }, { byUid }): Promise<ImapCompletion> => {
    assertCharset(program);
    const { folder, out } = context;
    const messages = await messagesOf(context, await searched(context, program.key));
    const slice = new TimeSlice(context.presence.gone);
    const found = await threads(messages, slice);
    const told = await formatThreads(found, (uid) => (byUid ? uid : folder.sequenceNumber(uid)), slice);
    out.untagged(told === '' ? 'THREAD' : `THREAD ${told}`);
    return { text: 'THREAD completed.', holdExpunges: !byUid };
  },
);

function parseThread(scanner: Scanner): ThreadArguments {
  scanner.space();
  const name = scanner.atom().toUpperCase();
  const threads = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  if (threads === undefined) throw new ImapSyntaxError('Unknown THREAD algorithm.');
  scanner.space();
  return { threads, ...parseCharsetAndKeys(scanner) };
}

/** Header fields used by both algorithms. */
const threadFields = ['Date', 'Subject', 'Message-ID', 'References', 'In-Reply-To'];

async function messagesOf({ folder, presence }: ImapContext, uids: readonly number[]): Promise<ThreadedMessage[]> {
  const messages: ThreadedMessage[] = [];
  if (uids.length === 0) return messages;
  const slice = new TimeSlice(presence.gone);
  const numberings = { subjects: new Numbering(), ids: new Numbering() };
  for await (const { uid, header } of folder.open.headers(uids, presence.gone, threadFields)) {
    presence.gone.throwIfAborted();
    const message = folder.get(uid);
    if (message === undefined) continue;
    if (slice.isOver) await slice.next();
    messages.push(threadedMessage(message, await FetchedMessage.ofHeader(header).header(), numberings));
  }
  return messages.sort((left, right) => left.uid - right.uid);
}

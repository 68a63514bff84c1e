import type { QueuedMessage } from '../../queue/message.ts';
import type { QueueFilter, QueueStore } from '../../queue/store.ts';
import { askLine } from '../terminal/ask-line.ts';
import type { CliIo } from '../terminal/io.ts';
import { withProgress } from '../terminal/progress.ts';
import { Screen } from '../terminal/screen.ts';
import { localDateTime } from '../terminal/times.ts';
import { chooses, type QueueRequest, whichMessages } from './request.ts';
import { messages, noneOfThese, octets, stateText } from './text.ts';

/** Ids in one query to the store: SQLite takes 32,766 parameters (its documentation, "Limits"). */
const idsAtOnce = 1000;

/** `mailbridge queue delete`: removes messages in any state; standard error lists them, one a line. */
export async function deleteMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw whichMessages();
  const asks = io.stdin.isTTY === true && !request.yes;
  const found = await store.list(request.filter, Number.MAX_SAFE_INTEGER);
  if (asks && found.length > 0 && !(await isConfirmed(found, io))) {
    io.stdout.write(request.json ? `${JSON.stringify({ count: 0 })}\n` : 'nothing deleted\n');
    return 1;
  }
  let count = 0;
  request.note({ changed: count });
  for (let from = 0; from < found.length; from += idsAtOnce) {
    const deleted = await withProgress(io, `Deleting, ${count} of ${found.length} done`, () =>
      removeFound(store, request.filter, found.slice(from, from + idsAtOnce)),
    );
    for (const message of deleted) tellDeleted(message, request.json, io);
    count += deleted.length;
    request.note({ changed: count });
  }
  const why = count === 0 && request.filter.ids ? noneOfThese : '';
  io.stdout.write(request.json ? `${JSON.stringify({ count })}\n` : `${messages(count)} deleted${why}\n`);
  return count === 0 && request.filter.ids ? 1 : 0;
}

/**
 * Removes those of these messages that the filter still matches. Others may have begun to match while a prompt was
 * open: the user was not asked about them.
 * @returns which are gone
 */
async function removeFound(
  store: QueueStore,
  filter: QueueFilter,
  found: readonly QueuedMessage[],
): Promise<readonly QueuedMessage[]> {
  const ids = found.map(({ id }) => id);
  await store.remove({ ...filter, ids });
  const left = new Set((await store.list({ ids }, ids.length)).map(({ id }) => id));
  return found.filter(({ id }) => !left.has(id));
}

async function isConfirmed(found: readonly QueuedMessage[], io: CliIo): Promise<boolean> {
  const size = octets(found.reduce((sum, message) => sum + message.size, 0));
  const answer = await askLine(io, `Delete ${messages(found.length)}, ${size}? This cannot be undone. [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}

/** The only trace of the message afterwards. */
function tellDeleted(message: QueuedMessage, json: boolean, io: CliIo): void {
  const { id, state, account, mailbox, envelope, receivedAtMs, size } = message;
  const { reversePath } = envelope;
  const recipients = message.recipients.map(({ address }) => address);
  if (json) {
    const gone = { deleted: id, state, account, mailbox, reversePath, recipients, receivedAtMs, size };
    io.stderr.write(`${JSON.stringify(gone)}\n`);
    return;
  }
  const to = recipients.map((address) => `<${address}>`).join(' ');
  new Screen(io.stderr, io.env).say(
    `deleted ${id} ${stateText(state)} ${localDateTime(receivedAtMs)} ${octets(size)}, account ${account}, from <${reversePath}> to ${to}`,
    { hanging: 2 },
  );
}

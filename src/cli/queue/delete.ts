import { BridgeError } from '../../base/errors.ts';
import { visibleLine } from '../../base/visible.ts';
import type { QueuedMessage } from '../../queue/message.ts';
import type { QueueFilter, QueueStore } from '../../queue/store.ts';
import { askLine } from '../terminal/ask-line.ts';
import type { CliIo } from '../terminal/io.ts';
import { chooses, type QueueRequest } from './request.ts';
import { messages, octets, stateText, time } from './text.ts';

/** More than any queue holds. */
const everything = 1_000_000;

/** `mailbridge queue delete`: removes messages in any state; standard error says which, one a line. */
export async function deleteMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw new BridgeError('usage', 'Which messages? Give ids, a filter, or --all.');
  const asks = io.stdin.isTTY === true && !request.yes;
  const filter = asks ? untilNow(request) : request.filter;
  const found = store.list(filter, everything);
  if (asks && found.length > 0 && !(await isConfirmed(found, io))) {
    io.stdout.write(request.json ? `${JSON.stringify({ count: 0 })}\n` : 'nothing deleted\n');
    return 1;
  }
  const count = await store.remove(filter);
  for (const message of found) io.stderr.write(`${deletedLine(message, request.json)}\n`);
  io.stdout.write(request.json ? `${JSON.stringify({ count })}\n` : `${messages(count)} deleted\n`);
  return count === 0 && request.filter.ids ? 1 : 0;
}

/** What arrives while the question is open was not asked about. */
function untilNow({ filter, nowMs }: QueueRequest): QueueFilter {
  return { ...filter, receivedBeforeMs: Math.min(filter.receivedBeforeMs ?? nowMs, nowMs) };
}

async function isConfirmed(found: readonly QueuedMessage[], io: CliIo): Promise<boolean> {
  const size = octets(found.reduce((sum, message) => sum + message.size, 0));
  const answer = await askLine(io, `Delete ${messages(found.length)}, ${size}? Nobody can bring them back. [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}

/** All that is left of the message afterwards. */
function deletedLine(message: QueuedMessage, json: boolean): string {
  const { id, state, account, mailbox, envelope, receivedAtMs, size } = message;
  const { reversePath } = envelope;
  const recipients = message.recipients.map(({ address }) => address);
  if (json) {
    return JSON.stringify({ deleted: id, state, account, mailbox, reversePath, recipients, receivedAtMs, size });
  }
  const to = recipients.map((address) => `<${address}>`).join(' ');
  return visibleLine(
    `deleted ${id} ${stateText(state)} ${time(receivedAtMs)} ${octets(size)}, account ${account}, from <${reversePath}> to ${to}`,
  );
}

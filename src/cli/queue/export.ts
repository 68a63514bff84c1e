import { createWriteStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { makeFolders } from '../../base/files/ownership.ts';
import type { QueuedMessage } from '../../queue/message.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { CliIo } from '../terminal/io.ts';
import { withProgress } from '../terminal/progress.ts';
import { Screen } from '../terminal/screen.ts';
import { tellError } from '../terminal/tell-error.ts';
import { chooses, messageNotFound, type QueueRequest, whichMessages } from './request.ts';

/** Limit in the audit log. */
export const mostIdsTold = 20;

/** `mailbridge queue export`: writes the octets of one message to a file or standard output, of several to a folder. */
export async function exportMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw whichMessages();
  const { out = '-', filter, ids, limit } = request;
  const found = await store.list(filter, limit);
  request.note({ ids: found.slice(0, mostIdsTold).map(({ id }) => id), count: found.length });
  const lost = ids.filter((id) => !found.some((message) => message.id === id));
  for (const id of lost) tellError(io, messageNotFound(id), request.json);
  if (isNewFolder(out, found.length)) makeFolder(out);
  const intoFolder = isFolder(out);
  if (found.length > 1 && !intoFolder) {
    throw new BridgeError('usage', `${found.length} messages need a folder: --out FOLDER.`);
  }
  let failures = lost.length + (found.length === 0 ? 1 : 0);
  for (const message of found) {
    const target = intoFolder ? join(out, `${message.id}.eml`) : out;
    if (!(await exportOne(store, message, target, request.json, io))) failures += 1;
  }
  return failures > 0 ? 1 : 0;
}

function isFolder(out: string): boolean {
  return out !== '-' && statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** For a single message, a name without a trailing slash is that of the file. */
function isNewFolder(out: string, count: number): boolean {
  return out !== '-' && (count > 1 || (count === 1 && /[/\\]$/.test(out))) && !existsSync(out);
}

/** Readable only by this user, like the messages in it. @throws BridgeError `file-not-written` */
function makeFolder(out: string): void {
  try {
    makeFolders(out);
  } catch (cause) {
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('file-not-written', `The folder ${out} cannot be made (${reason}).`, { cause });
  }
}

async function exportOne(
  store: QueueStore,
  message: QueuedMessage,
  target: string,
  json: boolean,
  io: CliIo,
): Promise<boolean> {
  try {
    const body = await store.open(message.id, { evenIfDamaged: true });
    if (target === '-') await pipeline(body, io.stdout, { end: false });
    // Never overwrites an existing file, and is readable only by this user.
    else {
      const file = createWriteStream(target, { flags: 'wx', mode: 0o600 });
      await withProgress(io, `Writing ${target}`, () => pipeline(body, file));
    }
  } catch (error) {
    // The reader has seen enough (`| head`).
    if (target === '-' && systemErrorCode(error) === 'EPIPE') return true;
    tellError(io, exportFailure(error, message, target), json);
    return false;
  }
  if (target !== '-') new Screen(io.stderr, io.env).say(`${message.id} is in ${target}`);
  if (message.state !== 'quarantined') return true;
  const damaged = `Message ${message.id} is damaged; what was written may not be all of it.`;
  tellError(io, new BridgeError('queue-body-damaged', damaged), json);
  return false;
}

function exportFailure(cause: unknown, { id, state }: QueuedMessage, target: string): BridgeError {
  const code = systemErrorCode(cause);
  if (code === 'EEXIST') {
    const remedy = 'Existing files are not overwritten: name another file or folder.';
    return new BridgeError('file-not-written', `${target} already exists.`, { cause, remedy });
  }
  if (!(cause instanceof BridgeError)) {
    const remedy = 'Check that the folder exists, that you may write to it, and that the disk has space.';
    const where = target === '-' ? 'Standard output' : target;
    return new BridgeError('file-not-written', `${where} cannot be written (${code ?? 'unknown error'}).`, {
      cause,
      remedy,
    });
  }
  if (state !== 'delivered') return cause;
  return new BridgeError('message-not-found', `Message ${id} is delivered; its content is no longer kept.`, {
    cause,
    remedy: 'Look for it in the mailbox that it was sent to.',
  });
}

import { createWriteStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import type { QueuedMessage } from '../../queue/message.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { CliIo } from '../terminal/io.ts';
import { chooses, type QueueRequest } from './request.ts';

/** `mailbridge queue export`: the octets of a message to a file or standard output, of several to a folder. */
export async function exportMessages(store: QueueStore, request: QueueRequest, io: CliIo): Promise<number> {
  if (!chooses(request)) throw new BridgeError('usage', 'Which messages? Give ids, a filter, or --all.');
  const { out = '-', filter, ids, limit } = request;
  const found = store.list(filter, limit);
  const lost = ids.filter((id) => !found.some((message) => message.id === id));
  for (const id of lost) io.stderr.write(`mailbridge: there is no message ${id} in the queue.\n`);
  if (isNewFolder(out, found.length)) makeFolder(out);
  const intoFolder = isFolder(out);
  if (found.length > 1 && !intoFolder) {
    throw new BridgeError('usage', `${found.length} messages need a folder: --out FOLDER.`);
  }
  let failures = lost.length + (found.length === 0 ? 1 : 0);
  for (const message of found) {
    const target = intoFolder ? join(out, `${message.id}.eml`) : out;
    if (!(await exportOne(store, message, target, io))) failures += 1;
  }
  return failures > 0 ? 1 : 0;
}

function isFolder(out: string): boolean {
  return out !== '-' && statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Of one message a name without a slash behind it is that of the file. */
function isNewFolder(out: string, count: number): boolean {
  return out !== '-' && (count > 1 || (count === 1 && /[/\\]$/.test(out))) && !existsSync(out);
}

/** For nobody else's eyes, as the messages in it. @throws BridgeError `file-not-written` */
function makeFolder(out: string): void {
  try {
    mkdirSync(out, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('file-not-written', `The folder ${out} cannot be made (${reason}).`, { cause });
  }
}

async function exportOne(store: QueueStore, message: QueuedMessage, target: string, io: CliIo): Promise<boolean> {
  try {
    const body = store.open(message.id, { evenIfDamaged: true });
    if (target === '-') await pipeline(body, io.stdout, { end: false });
    // Never over a file that is there, and for nobody else's eyes.
    else await pipeline(body, createWriteStream(target, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    // Whoever reads it has seen enough (`| head`).
    if (target === '-' && systemErrorCode(error) === 'EPIPE') return true;
    io.stderr.write(`mailbridge: ${exportFailure(error, message, target)}\n`);
    return false;
  }
  if (target !== '-') io.stderr.write(`${message.id} is in ${target}\n`);
  if (message.state !== 'quarantined') return true;
  io.stderr.write(`mailbridge: message ${message.id} is damaged; what was written may not be all of it.\n`);
  return false;
}

function exportFailure(error: unknown, { id, state }: QueuedMessage, target: string): string {
  const code = systemErrorCode(error);
  if (code === 'EEXIST') return `${target} is there already.`;
  const where = target === '-' ? 'standard output' : target;
  if (!(error instanceof BridgeError)) return `${where} cannot be written (${code ?? 'unknown error'}).`;
  return state === 'delivered' ? `message ${id} is delivered; its content is no longer kept.` : error.message;
}

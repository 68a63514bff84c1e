import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeArchive } from '../../backup/archive.ts';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import { freeOctets, isDiskFull } from '../../queue/stores/disk-full.ts';
import { copyQueue } from '../../queue/stores/sqlite/copy.ts';
import { readArguments } from '../arguments.ts';
import { configPath } from '../config-path.ts';
import { messages, octets } from '../queue/text.ts';
import { showHelp } from '../terminal/help.ts';
import { interruptible } from '../terminal/interruptible.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { tellWarning } from '../terminal/tell-error.ts';
import { type BackupContents, gatherContents } from './contents.ts';
import { assertFree, notWritten, writeLargeFile } from './output-file.ts';
import { readPassphrase } from './passphrase.ts';
import { CopyProgress } from './progress.ts';
import { openWorkFolder } from './work-folder.ts';

const usage = `Usage: mailbridge backup FILE [--passphrase-file FILE] [--force] [--config FILE] [--json]

Writes the configuration, the files that it names (certificates, keys, secrets), sign-ins with their key, the
certificate authority made here, and the queue to one encrypted file. A queue in PostgreSQL is not included, nor are
sign-ins and app passwords that are kept there: back up the database. The bridge can keep running. FILE is written
completely or not at all; - is standard output.

The passphrase, of at least 12 characters, is asked for at the terminal, or read from the file of --passphrase-file or
from MAILBRIDGE_BACKUP_PASSPHRASE. Without it nobody can open the backup.

  --force  replaces FILE if it exists

The file is a compressed tar archive, encrypted as age does (age-encryption.org):
  age -d FILE | tar xz

Example: mailbridge backup /var/backups/mailbridge/monday.age
`;

const options = {
  'passphrase-file': { type: 'string' },
  force: { type: 'boolean', default: false },
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `mailbridge backup`. @param version of this mailbridge */
export async function runBackup(args: string[], io: CliIo, version: string): Promise<number> {
  const { values, positionals } = readArguments('backup', { args, allowPositionals: true, options });
  if (values.help) return showHelp(io, usage);
  const file = onlyFile('backup', positionals);
  const isPiped = file === '-';
  if (isPiped && io.stdout.isTTY) throw new BridgeError('usage', 'A backup is not text: name a file, or use a pipe.');
  const configFile = configPath(values.config, io.env);
  const loaded = await loadConfig(configFile, { env: io.env, secrets: [] });
  if (!isPiped) assertFree(file, values.force);
  const passphrase = await readPassphrase(io, values['passphrase-file'], { isNew: true, json: values.json });
  const contents = await interruptible((signal) =>
    withContents({ ...loaded, configFile, version }, io, async (found) => {
      const progress = new CopyProgress(io, 'Writing the backup');
      const total = sizeOf(found);
      const write = (to: NodeJS.WritableStream) =>
        writeArchive(found.entries, to, {
          passphrase,
          signal,
          end: !isPiped,
          onBytes: (bytes) => progress.add(bytes, total),
        }).finally(() => progress.end());
      if (!isPiped) await writeLargeFile(file, values.force, write);
      else {
        await write(io.stdout).catch((error: unknown) => {
          throw notWritten('Standard output', error);
        });
      }
      return found;
    }),
  );
  for (const warning of contents.warnings) tellWarning(io, warning, values.json);
  const output = isPiped ? io.stderr : io.stdout;
  if (values.json) output.write(asJson(file, contents));
  else new Screen(output, io.env).say(told(file, contents), { mark: 'ok' });
  return 0;
}

/** @throws BridgeError `usage` */
export function onlyFile(command: string, [file, ...more]: readonly string[]): string {
  if (file !== undefined && file !== '' && more.length === 0) return file;
  // Not quoted: the extra argument may be a passphrase.
  const problem = file ? 'accepts one FILE and nothing more; a passphrase is never an argument' : 'needs a FILE';
  throw new BridgeError('usage', `"${command}" ${problem}.`, { remedy: `Run mailbridge ${command} --help.` });
}

/** Copies the queue to a separate folder while `work` runs. */
async function withContents<T>(
  source: LoadedConfig & { readonly configFile: string; readonly version: string },
  io: CliIo,
  use: (contents: BackupContents) => Promise<T>,
): Promise<T> {
  const folder = join(source.config.dataDir, 'queue');
  if (!existsSync(join(folder, 'queue.sqlite'))) return await use(gatherContents({ ...source, queue: undefined }));
  assertRoom(source.config, folder);
  const work = openWorkFolder(source.config.dataDir, 'backup');
  const progress = new CopyProgress(io, 'Copying the queue');
  try {
    const page = 8192;
    let seen = 0;
    const queue = await copyQueue(folder, work.path, {
      onProgress: (done, total) => {
        progress.add((done - seen) * page, total * page);
        seen = done;
      },
    });
    progress.end();
    return await use(gatherContents({ ...source, queue: { ...queue, folder: work.path } }));
  } catch (error) {
    throw isDiskFull(error, work.path) && systemErrorCode(error) === 'ERR_SQLITE_ERROR' ? noRoom(folder, error) : error;
  } finally {
    progress.end();
    work.remove();
  }
}

const megabyte = 1024 * 1024;

/** The copy must not take the space that the bridge needs to accept mail. @throws BridgeError `file-not-written` */
function assertRoom({ queue }: LoadedConfig['config'], folder: string): void {
  const needed = statSync(join(folder, 'queue.sqlite')).size + queue.minFreeMegabytes * megabyte;
  if (freeOctets(folder) < needed) throw noRoom(folder);
}

function noRoom(folder: string, cause?: unknown): BridgeError {
  return new BridgeError('file-not-written', `The disk of ${folder} has no room for a copy of the queue's database.`, {
    cause,
  });
}

function sizeOf({ entries }: BackupContents): number {
  return entries.reduce(
    (sum, { content }) => sum + (typeof content === 'string' ? statSync(content).size : content.length),
    0,
  );
}

function waiting({ manifest }: BackupContents): number {
  const { queued = 0, held = 0 } = manifest.queue?.messages ?? {};
  return queued + held;
}

function asJson(file: string, { manifest, entries, warnings }: BackupContents): string {
  const size = file === '-' ? undefined : statSync(file).size;
  const path = file === '-' ? file : resolve(file);
  return `${JSON.stringify({ file: path, size, entries: entries.length, ...manifest, warnings }, null, 2)}\n`;
}

function told(file: string, contents: BackupContents): string {
  const { manifest } = contents;
  const what = [
    'configuration',
    filesText(Object.keys(manifest.files).length),
    ...(manifest.queue ? [`a queue with ${messages(waiting(contents))} that wait`] : ['no queue yet']),
  ];
  const where = file === '-' ? 'The backup' : `${file} (${octets(statSync(file).size)})`;
  return `${where} is written: ${what.join(', ')}.`;
}

function filesText(count: number): string {
  return count === 1 ? '1 file that it names' : `${count} files that it names`;
}

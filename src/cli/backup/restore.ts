import { chownSync, createReadStream, existsSync, rmdirSync, rmSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type DataFolder, takeDataFolder } from '../../app/data-folder.ts';
import { readArchive } from '../../backup/archive.ts';
import { BridgeError } from '../../base/errors.ts';
import { databaseFiles } from '../../base/files/own-file.ts';
import { fileErrorText } from '../../base/files/private-file.ts';
import { readArguments } from '../arguments.ts';
import { configPath } from '../config-path.ts';
import { showHelp } from '../terminal/help.ts';
import { interruptible } from '../terminal/interruptible.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { onlyFile } from './backup.ts';
import { dataNames } from './data-parts.ts';
import { readPassphrase } from './passphrase.ts';
import { isTaken, type Owner, Placement } from './placement.ts';
import { CopyProgress } from './progress.ts';
import { reportOf, tellReport } from './restore-report.ts';
import { type RestoredMessages, readyQueue } from './restored-queue.ts';
import { isThere, type NamedFile, type UnpackedStart, Unpacking } from './unpacking.ts';
import { openWorkFolder, type WorkFolder } from './work-folder.ts';

const usage = `Usage: mailbridge restore FILE [--passphrase-file FILE] [--release] [--force] [--config FILE] [--json]

Restores what mailbridge backup wrote: the configuration to where --config says, the files that it names and the data
folder to where the configuration says. It checks everything before it puts anything in place; the bridge must not be
running.

Waiting messages are held: they may have been delivered since the backup was made. mailbridge queue release sends them.

  --release  leaves them queued: the bridge tries them when it starts
  --force    moves what already exists to NAME.before-restore

Example: mailbridge restore monday.age
`;

const options = {
  'passphrase-file': { type: 'string' },
  release: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `mailbridge restore` */
export async function runRestore(args: string[], io: CliIo): Promise<number> {
  const { values, positionals } = readArguments('restore', { args, allowPositionals: true, options });
  if (values.help) return showHelp(io, usage);
  const file = onlyFile('restore', positionals);
  const size = sizeOf(file);
  const configFile = resolve(configPath(values.config, io.env));
  if (!values.force) assertFree([configFile]);
  const passphrase = await readPassphrase(io, values['passphrase-file'], { isNew: false, json: values.json });
  const restore = new Restore(file, configFile, values);
  const progress = new CopyProgress(io, 'Reading the backup');
  try {
    const restored = await interruptible(async (signal) => {
      const onBytes = (bytes: number) => progress.add(bytes, size);
      await readArchive(readable(file), file, (entry) => restore.unpacking.take(entry), {
        passphrase,
        signal,
        onBytes,
      });
      progress.end();
      return await restore.place();
    });
    const report = reportOf(file, configFile, restored);
    if (values.json) io.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else tellReport(report, new Screen(io.stdout, io.env));
    return 0;
  } finally {
    progress.end();
    restore.end();
  }
}

/** @throws BridgeError `backup-unreadable` */
function sizeOf(file: string): number {
  try {
    const facts = statSync(file);
    if (facts.isFile()) return facts.size;
  } catch (cause) {
    throw unreadable(file, fileErrorText(cause), cause);
  }
  throw unreadable(file, 'not a regular file');
}

async function* readable(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: 256 * 1024 });
  } catch (cause) {
    throw unreadable(file, fileErrorText(cause), cause);
  }
}

function unreadable(file: string, reason: string, cause?: unknown): BridgeError {
  return new BridgeError('backup-unreadable', `${file} cannot be read (${reason}).`, { cause });
}

/** @throws BridgeError `restore-target-exists` */
function assertFree(paths: readonly string[]): void {
  const taken = paths.filter(isTaken);
  if (taken.length === 0) return;
  const verb = taken.length === 1 ? 'exists' : 'exist';
  throw new BridgeError('restore-target-exists', `${taken.join(', ')} already ${verb}.`, {
    details: { paths: taken },
  });
}

/** What was restored, and where. */
export interface Restored extends UnpackedStart {
  readonly named: readonly NamedFile[];
  readonly messages: RestoredMessages | undefined;
  readonly movedAside: readonly string[];
}

/** One restore, from the first entry of the archive to the last file in its place. */
class Restore {
  readonly unpacking: Unpacking;
  readonly #archive: string;
  readonly #configFile: string;
  readonly #options: { readonly force: boolean; readonly release: boolean };
  #dataDir = '';
  /** The data folder as it was before. */
  #before: Stats | undefined;
  /** The deepest existing folder, in which this creates the data folder. */
  #root = '';
  #lock: DataFolder | undefined;
  #work: WorkFolder | undefined;
  #isPlaced = false;

  constructor(archive: string, configFile: string, choice: { readonly force: boolean; readonly release: boolean }) {
    this.#archive = archive;
    this.#configFile = configFile;
    this.#options = choice;
    this.unpacking = new Unpacking(archive, configFile, (start) => this.#begin(start));
  }

  /** Checks what was unpacked, and moves it to its place. @throws BridgeError */
  async place(): Promise<Restored> {
    const start = this.unpacking.finish();
    const data = join(this.#work?.path ?? '', 'data');
    const named = this.unpacking.named.filter((each) => !isThere(each));
    if (!this.#options.force) assertFree(named.map(({ path }) => path));
    const { force, release } = this.#options;
    const messages = await readyQueue(join(data, 'queue'), start.manifest.queue?.withoutBody ?? [], release).catch(
      (error: unknown) => {
        throw this.#ofArchive(error);
      },
    );
    const placement = new Placement(this.#owner());
    try {
      if (force) for (const path of [this.#configFile, ...this.#dataPaths()]) placement.moveAside(path);
      for (const name of dataNames) {
        if (existsSync(join(data, name))) placement.move(join(data, name), join(this.#dataDir, name));
      }
      for (const { path, content } of named) {
        if (force) placement.moveAside(path);
        await placement.write(path, content);
      }
      // Written last: if it exists, everything does.
      await placement.write(this.#configFile, start.configText);
    } catch (error) {
      placement.takeBack();
      throw error;
    }
    this.#isPlaced = true;
    return { ...start, named, messages, movedAside: placement.movedAside };
  }

  /** The copy that the error names is gone by the time this is read. */
  #ofArchive(error: unknown): unknown {
    const isDamage = error instanceof BridgeError && ['queue-damaged', 'queue-body-missing'].includes(error.code);
    if (!isDamage) return error;
    return new BridgeError('backup-damaged', `The queue in ${this.#archive} is damaged.`, { cause: error });
  }

  /** Leaves nothing behind except the restored files. */
  end(): void {
    this.#work?.remove();
    this.#lock?.release();
    if (this.#lock && !this.#before && !this.#isPlaced) this.#removeDataFolder();
  }

  #begin({ config }: UnpackedStart): string {
    this.#dataDir = config.dataDir;
    this.#before = isTaken(config.dataDir) ? statSync(config.dataDir, { throwIfNoEntry: false }) : undefined;
    this.#root = dirname(config.dataDir);
    while (!existsSync(this.#root)) this.#root = dirname(this.#root);
    this.#lock = takeDataFolder(config.dataDir);
    this.#giveLock();
    if (!this.#options.force) assertFree(this.#dataPaths());
    this.#work = openWorkFolder(config.dataDir, 'restore');
    return this.#work.path;
  }

  #dataPaths(): string[] {
    return dataNames.map((name) => join(this.#dataDir, name));
  }

  /** The bridge's user, if root restores for it: the owner of the data folder. */
  #owner(): Owner | undefined {
    return process.geteuid?.() === 0 && this.#before && this.#before.uid !== 0 ? this.#before : undefined;
  }

  /** The bridge, as its own user, takes the same lock. */
  #giveLock(): void {
    const owner = this.#owner();
    if (owner) chownSync(join(this.#dataDir, 'lock'), owner.uid, owner.gid);
  }

  #removeDataFolder(): void {
    for (const file of databaseFiles(join(this.#dataDir, 'lock'))) rmSync(file, { force: true });
    try {
      for (let made = this.#dataDir; made !== this.#root; made = dirname(made)) rmdirSync(made);
    } catch {
      // Somebody has put something there.
    }
  }
}

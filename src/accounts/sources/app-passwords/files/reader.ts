import { constants } from 'node:fs';
import type { Clock } from '../../../../base/clock.ts';
import type { BridgeError } from '../../../../base/errors.ts';
import { ownerFault } from '../../../../base/files/own-file.ts';
import type { Log } from '../../../../base/log.ts';
import { type FileReading, RereadFile } from '../../reread-file.ts';
import { appPasswordFiles, maxAppPasswordBytes, readEntries } from '../entries.ts';
import type { AppPasswordReader, AppPasswordsByLogin, KnownAppPasswords } from '../known.ts';
import { NotedUses } from '../noted-uses.ts';
import { unusable } from './store.ts';
import { UsesFile } from './uses.ts';

/** A use sooner than this after the last recorded one adds nothing. */
const noteEveryMs = 60_000;

export interface AppPasswordFileReaderOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Reads the app passwords of a data folder. If the file cannot be read, the last content read stays in force. */
export class AppPasswordFileReader implements AppPasswordReader {
  readonly #path: string;
  readonly #file: RereadFile<AppPasswordsByLogin>;
  readonly #uses: NotedUses;
  #ids: ReadonlySet<string> = new Set();

  constructor({ dataDir, clock, log }: AppPasswordFileReaderOptions) {
    const { passwords, uses } = appPasswordFiles(dataDir);
    this.#path = passwords;
    const isKnown = (id: string) => this.#ids.has(id);
    const usesFile = new UsesFile({ file: uses, log, isKnown });
    this.#uses = new NotedUses({ clock, log, noteEveryMs, isKnown, write: (each) => usesFile.write(each) });
    this.#file = new RereadFile<AppPasswordsByLogin>({
      file: passwords,
      clock,
      maxBytes: maxAppPasswordBytes,
      flags: constants.O_NOFOLLOW ?? 0,
      absent: new Map(),
      parse,
      onFault(fault) {
        if (fault === undefined) log.info({ file: passwords }, `${passwords} can be read again`);
        else log.error({ error: unusable(passwords, fault) }, `app passwords cannot be checked: ${passwords} ${fault}`);
      },
      onTaken: (found) => {
        this.#ids = new Set([...found.values()].flatMap((entries) => entries.map(({ id }) => id)));
      },
    });
  }

  async current(): Promise<KnownAppPasswords | undefined> {
    const byLogin = await this.#file.current();
    return byLogin && { byLogin, isWhole: true };
  }

  get error(): BridgeError {
    return unusable(this.#path, this.#file.fault ?? 'cannot be read');
  }

  noteUse(id: string): void {
    this.#uses.note(id);
  }

  async close(): Promise<void> {
    await this.#uses.close();
  }
}

/** Anyone who can write it could grant themselves access. */
function parse(
  content: Buffer,
  { mode, uid }: { readonly mode: number; readonly uid: number },
): FileReading<AppPasswordsByLogin> {
  const fault = ownerFault({ uid }, process.geteuid?.());
  if (fault !== undefined) throw new Error(fault);
  if (process.platform !== 'win32' && (mode & 0o022) !== 0) throw new Error('can be written by others: chmod 600');
  return { value: Map.groupBy(readEntries(content), ({ login }) => login), isUnfinished: false };
}

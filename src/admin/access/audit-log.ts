import { closeSync, constants, fstatSync, lstatSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { FileLock } from '../../base/files/file-lock.ts';
import { openOwnFile, readOwnFile } from '../../base/files/own-file.ts';
import type { Log } from '../../base/log.ts';
import { auditFiles, auditLock } from './audit-files.ts';
import { StrangerLines } from './stranger-lines.ts';

/** Something that somebody did, or tried to. */
export interface AuditEntry {
  /** Who, as far as that is known. */
  readonly user: string | null;
  /** By what they are known: `token`, `oidc`, `connect`; `command`: a user of the machine, by the command line. */
  readonly by: string | null;
  /** From where; null: from the machine itself, by a command. */
  readonly address: string | null;
  /** What: `sign-in`, `messages.retry`. */
  readonly action: string;
  /** To what, and how much; nothing secret. */
  readonly details: Readonly<Record<string, unknown>>;
  /** `done`, or the code of the error. */
  readonly outcome: string;
}

/** An entry as it is kept. */
export interface KeptAuditEntry extends AuditEntry {
  readonly time: string;
}

export interface AuditLogOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Pick<Log, 'error'>;
  /** Of one file, until the next begins; default 5 MB. */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 5 * 1024 * 1024;

/**
 * What was done by the admin server and by commands, a line of JSON for each, for this user's eyes alone. Several processes
 * write it: each line goes to the end of the file in one write, and one process at a time makes way for the next file.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #files: readonly string[];
  readonly #strangers: StrangerLines;
  readonly #lock: FileLock;
  #handle: number | undefined;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#strangers = new StrangerLines(options.clock);
    this.#files = auditFiles.map((name) => join(options.dataDir, name));
    this.#lock = new FileLock(join(options.dataDir, auditLock), 0);
  }

  /** Writes an entry. What cannot be written is told in the bridge's log, with the entry; it undoes nothing. */
  record(entry: AuditEntry): void {
    const { clock, log } = this.#options;
    const kept: KeptAuditEntry = { time: new Date(clock.now()).toISOString(), ...entry };
    try {
      this.#write(Buffer.from(`${JSON.stringify(kept)}\n`));
    } catch (error) {
      log.error({ error, entry: kept }, 'audit: cannot write what was done');
      // A part of the line may be there: what opens the file next looks.
      this.close();
    }
  }

  /** Writes an attempt of somebody who is not known, or leaves it to the next line, whose `times` counts those. */
  recordStranger(entry: AuditEntry): void {
    const times = this.#strangers.take(entry.address ?? '');
    if (times === undefined) return;
    this.record(times === 0 ? entry : { ...entry, details: { ...entry.details, times } });
  }

  /**
   * The last entries, the latest first: those of the file that is written to, and of the one before. A line that was
   * written in part, when the power failed or the disk was full, is none.
   */
  last(limit: number): KeptAuditEntry[] {
    const lines = this.#files
      .slice(0, 2)
      .flatMap((each) => readOwnFile(each)?.toString().split('\n').toReversed() ?? []);
    const entries: KeptAuditEntry[] = [];
    for (const line of lines) {
      if (entries.length === limit) break;
      const entry = entryOf(line);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }

  #write(line: Buffer): void {
    const limit = this.#options.maxBytes ?? defaultMaxBytes;
    const { size } = fstatSync(this.#opened());
    if (size > 0 && size + line.length > limit) this.#makeWay();
    writeFileSync(this.#opened(), line);
  }

  /** The file that bears the name now: another process may have made way for it. */
  #opened(): number {
    if (this.#handle !== undefined && !this.#isNamed(this.#handle)) this.close();
    if (this.#handle !== undefined) return this.#handle;
    const handle = openOwnFile(this.#files[0] as string, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT);
    this.#handle = handle;
    const { size } = fstatSync(handle);
    if (size > 0 && !endsWithLineFeed(handle, size)) writeFileSync(handle, '\n');
    return handle;
  }

  #isNamed(handle: number): boolean {
    const named = lstatSync(this.#files[0] as string, { throwIfNoEntry: false });
    const { ino, dev } = fstatSync(handle);
    return named?.ino === ino && named.dev === dev;
  }

  #makeWay(): void {
    const release = this.#lock.takeIfFree();
    // Another process does it; this line may go to the file that is full.
    if (!release) return;
    try {
      // Another process may have done it.
      if (this.#handle !== undefined && this.#isNamed(this.#handle)) this.#rotate();
    } finally {
      release();
    }
  }

  #rotate(): void {
    this.close();
    rmSync(this.#files.at(-1) as string, { force: true });
    for (let at = this.#files.length - 2; at >= 0; at--) {
      try {
        renameSync(this.#files[at] as string, this.#files[at + 1] as string);
      } catch {
        // Not there yet.
      }
    }
  }
}

function endsWithLineFeed(handle: number, size: number): boolean {
  const last = Buffer.alloc(1);
  readSync(handle, last, 0, 1, size - 1);
  return last.toString() === '\n';
}

function entryOf(line: string): KeptAuditEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as KeptAuditEntry;
  } catch {
    return undefined;
  }
}

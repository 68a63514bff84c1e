import { closeSync, constants, fstatSync, lstatSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { FileLock } from '../../base/files/file-lock.ts';
import { openOwnFile, readOwnFile } from '../../base/files/own-file.ts';
import type { Log } from '../../base/log.ts';
import { auditFiles, auditLock } from './audit-files.ts';
import { StrangerLines } from './stranger-lines.ts';

/** Something that somebody did, or tried to do. */
export interface AuditEntry {
  /** The user, as far as known. */
  readonly user: string | null;
  /** How the user is known: `token`, `oidc`, `connect`; `command`: a user of the machine, through the command line. */
  readonly by: string | null;
  /** The source address; null: a command on the machine itself. */
  readonly address: string | null;
  /** The action: `sign-in`, `messages.retry`. */
  readonly action: string;
  /** The objects of the action, and how many; nothing secret. */
  readonly details: Readonly<Record<string, unknown>>;
  /** `done`, or the code of the error. */
  readonly outcome: string;
}

/** An entry as stored. */
export interface KeptAuditEntry extends AuditEntry {
  readonly time: string;
}

export interface AuditLogOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Pick<Log, 'error'>;
  /** Size of one file before the next begins; default 5 MB. */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 5 * 1024 * 1024;

/**
 * Records what the admin server and commands did, one line of JSON each, readable only by this user. Several processes
 * write it: each line is appended in one write, and only one process at a time rotates the files.
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

  /** Writes an entry. If that fails, the bridge's log gets the entry; the action is not undone. */
  record(entry: AuditEntry): void {
    const { clock, log } = this.#options;
    const kept: KeptAuditEntry = { time: new Date(clock.now()).toISOString(), ...entry };
    try {
      this.#write(Buffer.from(`${JSON.stringify(kept)}\n`));
    } catch (error) {
      log.error({ error, entry: kept }, 'audit: cannot write an entry');
      // A part of the line may have been written: the next open checks for that.
      this.close();
    }
  }

  /** Writes an attempt by an unknown caller, or leaves it to the next line, whose `times` counts those. */
  recordStranger(entry: AuditEntry): void {
    const times = this.#strangers.take(entry.address ?? '');
    if (times === undefined) return;
    this.record(times === 0 ? entry : { ...entry, details: { ...entry.details, times } });
  }

  /**
   * The last entries, latest first, from the current file and the one before. A line that was only partly written, when
   * the power failed or the disk was full, is skipped.
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

  /** The file that currently has the name: another process may have rotated it. */
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
    // Another process does it; this line may go to the full file.
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
        // Does not exist yet.
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

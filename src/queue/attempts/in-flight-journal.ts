import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { uptime } from 'node:os';
import { dirname } from 'node:path';
import { makeOwnFile, openOwnFile, readOwnFile, replaceOwnFile } from '../../base/files/own-file.ts';
import { syncFolder } from '../../base/files/sync-folder.ts';
import type { QueuedMessage } from '../message.ts';
import { isOutOfSpace } from '../stores/disk-full.ts';

/** Which messages were being sent when a bridge died. */
export interface InFlightJournal {
  begin(id: string): void;
  end(id: string): void;
  /** Whether an earlier run may have sent the message without having written that down. */
  wasInFlight(message: Pick<QueuedMessage, 'id' | 'receivedAtMs'>): boolean;
  /** Forgets messages that are not there any more, and not under way. */
  prune(isThere: (id: string) => boolean): void;
  close(): void;
}

/** For a queue that does not outlive its process. */
export const noJournal: InFlightJournal = { begin() {}, end() {}, wasInFlight: () => false, prune() {}, close() {} };

/** Beyond that a file is written anew. */
const longestFileBytes = 1024 * 1024;

/** What a journal says so far. */
interface Marks {
  /** Machine and boot. */
  boot: string;
  /** Begun by an earlier run, and not ended. */
  readonly begun: Set<string>;
  /** Everything received before then may have been in flight, but for what has ended since. */
  allBeforeMs: number;
  readonly ended: Set<string>;
  isClosed: boolean;
}

/**
 * Opens the journal in a file of lines: `boot ID`, `begin ID`, `end ID`, `all MS`, `closed`.
 *
 * Lines are written and not synced: that costs next to nothing, and a process that is killed loses none, because the
 * system has them. When the machine itself went down, lines may be missing; the journal sees that by the boot it was
 * written in, and takes everything that is queued for in flight.
 * @param nowMs milliseconds since 1970
 * @param boot names the present run of the machine
 * @param queuedSince ids of all messages received at a time or later: there are some where the machine came up with
 *   its clock behind
 */
export function openInFlightJournal(
  file: string,
  nowMs: number,
  boot = bootId(),
  queuedSince: (ms: number) => readonly string[] = () => [],
): InFlightJournal {
  const marks = readMarks(file, boot);
  const wentDown = !isSameBoot(marks.boot, boot) && !marks.isClosed;
  if (wentDown) {
    marks.allBeforeMs = nowMs;
    for (const id of queuedSince(nowMs)) marks.begun.add(id);
    marks.ended.clear();
  }
  return new FileJournal(file, { ...marks, boot });
}

/**
 * Writes a journal by which the next run takes everything that waits for in flight: a restored queue does not know what
 * was sent after its backup was made.
 * @throws Error of the file system
 */
export function takeAllForInFlight(file: string, nowMs: number): void {
  replaceOwnFile(file, `boot unknown\nall ${Math.floor(nowMs)}\n`);
}

class FileJournal implements InFlightJournal {
  readonly #file: string;
  readonly #marks: Marks;
  readonly #underWay = new Set<string>();
  #handle: number;
  #bytes = 0;
  /** The last line may be there in part. */
  #isTorn = true;

  constructor(file: string, marks: Marks) {
    this.#file = file;
    this.#marks = marks;
    this.#handle = this.#begin();
  }

  begin(id: string): void {
    this.#underWay.add(id);
    this.#write(`begin ${id}\n`);
  }

  end(id: string): void {
    this.#underWay.delete(id);
    this.#marks.begun.delete(id);
    if (this.#marks.allBeforeMs > 0) this.#marks.ended.add(id);
    this.#write(`end ${id}\n`);
    if (this.#bytes >= longestFileBytes) this.#renew();
  }

  wasInFlight({ id, receivedAtMs }: Pick<QueuedMessage, 'id' | 'receivedAtMs'>): boolean {
    const { begun, ended, allBeforeMs } = this.#marks;
    return begun.has(id) || (receivedAtMs < allBeforeMs && !ended.has(id));
  }

  prune(isThere: (id: string) => boolean): void {
    const { begun, ended } = this.#marks;
    let isChanged = false;
    for (const ids of [begun, ended]) {
      for (const id of ids) if (!this.#underWay.has(id) && !isThere(id)) isChanged = ids.delete(id) || isChanged;
    }
    if (isChanged) this.#renew();
  }

  close(): void {
    // What was cut off in the end has been written as such, or stays marked as begun.
    this.#write('closed\n');
    fsyncSync(this.#handle);
    closeSync(this.#handle);
  }

  #renew(): void {
    whereThereIsRoom(() => {
      const handle = this.#rewrite();
      closeSync(this.#handle);
      this.#handle = handle;
    });
  }

  #write(line: string): void {
    const octets = Buffer.from(this.#isTorn ? `\n${line}` : line);
    this.#isTorn = true;
    whereThereIsRoom(() => {
      for (let written = 0; written < octets.length; ) written += writeSync(this.#handle, octets, written);
      this.#bytes += octets.length;
      this.#isTorn = false;
    });
  }

  /** On a full disk the old file goes on: it tells more messages as in flight than need be, not fewer. */
  #begin(): number {
    try {
      return this.#rewrite();
    } catch (error) {
      if (!isOutOfSpace(error)) throw error;
      const handle = openOwnFile(this.#file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
      this.#bytes = fstatSync(handle).size;
      return handle;
    }
  }

  /** A new file in place of the old one, on disk with its name: without a file there would be nothing to tell. */
  #rewrite(): number {
    const { boot, begun, ended, allBeforeMs } = this.#marks;
    const lines = [`boot ${boot}`];
    if (allBeforeMs > 0) lines.push(`all ${allBeforeMs}`, ...[...ended].map((id) => `end ${id}`));
    for (const id of new Set([...begun, ...this.#underWay])) lines.push(`begin ${id}`);
    const text = `${lines.join('\n')}\n`;
    const next = `${this.#file}.new`;
    const handle = makeOwnFile(next);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } catch (error) {
      closeSync(handle);
      unlinkSync(next);
      throw error;
    }
    renameSync(next, this.#file);
    syncFolder(dirname(this.#file));
    this.#bytes = text.length;
    return handle;
  }
}

/** A full disk must not stop delivery, which makes room. What is not written costs a second copy, after a crash. */
function whereThereIsRoom(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!isOutOfSpace(error)) throw error;
  }
}

/** Reads what an earlier run left; lines that make no sense say nothing. */
function readMarks(file: string, boot: string): Marks {
  const marks: Marks = { boot, begun: new Set(), allBeforeMs: 0, ended: new Set(), isClosed: false };
  const text = readOwnFile(file)?.toString('latin1');
  if (text === undefined) return marks;
  // A file whose first line got lost with the machine.
  marks.boot = '';
  for (const line of text.split('\n')) {
    const [word = '', value = ''] = line.split(' ');
    marks.isClosed = word === 'closed' || (marks.isClosed && line === '');
    if (word === 'boot') marks.boot = value;
    else if (word === 'begin') marks.begun.add(value);
    else if (word === 'all') marks.allBeforeMs = Number(value) || 0;
    else if (word === 'end') {
      marks.begun.delete(value);
      marks.ended.add(value);
    }
  }
  if (marks.allBeforeMs === 0) marks.ended.clear();
  return marks;
}

/** Linux names each boot. Elsewhere its time does, in seconds since 1970. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return `at-${Math.round(Date.now() / 1000 - uptime())}`;
  }
}

/** Clocks are set by a few seconds; nothing boots twice within a minute. */
function isSameBoot(one: string, other: string): boolean {
  return one === other || Math.abs(bootTime(one) - bootTime(other)) < 60;
}

/** In seconds since 1970; NaN where the boot has a name. */
function bootTime(boot: string): number {
  return Number(/^at-(\d+)$/.exec(boot)?.[1]);
}

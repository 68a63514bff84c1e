import { randomUUID } from 'node:crypto';
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { fileErrorText, replaceFile } from '../../base/files/private-file.ts';
import { syncFolder } from '../../base/files/sync-folder.ts';

/** The owner of what root restores. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Moves files to their places, one after the other, and can undo all of that. Existing files are neither deleted nor
 * overwritten: they are moved aside first.
 */
export class Placement {
  readonly #owner: Owner | undefined;
  readonly #undo: (() => void)[] = [];
  readonly #movedAside: string[] = [];

  /** @param owner of what is placed; undefined: the user of this process */
  constructor(owner: Owner | undefined) {
    this.#owner = owner;
  }

  /** New names of what was moved aside. */
  get movedAside(): readonly string[] {
    return this.#movedAside;
  }

  /** Moves an existing file or folder to `NAME.before-restore`. @throws BridgeError `restore-failed` */
  moveAside(path: string): void {
    if (!isTaken(path)) return;
    const aside = freeName(`${path}.before-restore`);
    this.#try(path, () => renameSync(path, aside));
    this.#undo.push(() => renameSync(aside, path));
    this.#movedAside.push(aside);
  }

  /**
   * Moves a file or folder, with its contents, to an unused path on the same disk. @throws BridgeError `restore-failed`
   */
  move(from: string, to: string): void {
    this.#try(to, () => {
      this.#give(from);
      renameSync(from, to);
      syncFolder(dirname(to));
    });
    this.#undo.push(() => renameSync(to, from));
  }

  /** Writes a small file to an unused path, creating its folder. @throws BridgeError `restore-failed` */
  async write(path: string, content: Buffer): Promise<void> {
    this.#try(path, () => this.#makeFolder(dirname(path)));
    const temporary = join(dirname(path), `.restore-${randomUUID().slice(0, 8)}`);
    try {
      await replaceFile(path, content, 0o600, temporary);
    } catch (cause) {
      throw failed(path, cause);
    }
    this.#undo.push(() => rmSync(path));
    this.#try(path, () => this.#give(path));
  }

  /** Undoes everything, as far as possible. */
  takeBack(): void {
    for (const undo of this.#undo.splice(0).toReversed()) {
      try {
        undo();
      } catch {
        // The next one may still succeed.
      }
    }
  }

  #makeFolder(folder: string): void {
    const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    const made = [folder];
    for (let above = folder; above !== first && above !== dirname(above); ) {
      above = dirname(above);
      made.unshift(above);
    }
    for (const each of made) {
      this.#undo.push(() => rmdirSync(each));
      if (this.#owner) chownSync(each, this.#owner.uid, this.#owner.gid);
    }
  }

  #give(path: string): void {
    if (!this.#owner) return;
    const { uid, gid } = this.#owner;
    chownSync(path, uid, gid);
    if (!lstatSync(path).isDirectory()) return;
    for (const name of readdirSync(path, { recursive: true })) chownSync(join(path, name as string), uid, gid);
  }

  #try(path: string, step: () => void): void {
    try {
      step();
    } catch (cause) {
      throw failed(path, cause);
    }
  }
}

/** Whether a path exists; a link counts. @throws BridgeError `restore-failed` */
export function isTaken(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    // A file is where a folder would have to be.
    if (systemErrorCode(cause) === 'ENOTDIR') return false;
    throw failed(path, cause);
  }
}

function failed(path: string, cause: unknown): BridgeError {
  return new BridgeError('restore-failed', `${path} cannot be put in its place (${fileErrorText(cause)}).`, { cause });
}

function freeName(name: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!existsSync(candidate)) return candidate;
  }
}

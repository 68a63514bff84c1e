import type * as fs from 'node:fs';
import type * as promises from 'node:fs/promises';
import { basename } from 'node:path';
import type * as sqlite from 'node:sqlite';

/*
 * Records what a program does to the disk, in order: passed to `vi.mock`, the modules of Node.js work as usual and
 * report their calls. Names are file names without folders.
 */

type Say = (event: string) => void;

/** `node:fs`, as far as the queue uses it. */
export function tracedFs(real: typeof fs, say: Say): typeof fs {
  const names = new Map<number, string>();
  return {
    ...real,
    openSync(path: fs.PathLike, ...rest: [fs.OpenMode, fs.Mode?]) {
      const handle = real.openSync(path, ...rest);
      names.set(handle, basename(String(path)));
      return handle;
    },
    writeFileSync(file: fs.PathOrFileDescriptor, ...rest: [string | NodeJS.ArrayBufferView, fs.WriteFileOptions?]) {
      real.writeFileSync(file, ...rest);
      say(`write ${names.get(file as number) ?? basename(String(file))}`);
    },
    fsyncSync(handle: number) {
      real.fsyncSync(handle);
      say(`sync ${names.get(handle)}`);
    },
    renameSync(from: fs.PathLike, to: fs.PathLike) {
      real.renameSync(from, to);
      say(`rename ${basename(String(from))} ${basename(String(to))}`);
    },
    unlinkSync(path: fs.PathLike) {
      real.unlinkSync(path);
      say(`remove ${basename(String(path))}`);
    },
    rmSync(path: fs.PathLike, options?: fs.RmOptions) {
      real.rmSync(path, options);
      say(`remove ${basename(String(path))}`);
    },
  } as typeof fs;
}

/** `node:fs/promises`, as far as the queue and private files use it. */
export function tracedPromises(real: typeof promises, say: Say): typeof promises {
  return {
    ...real,
    async open(path: fs.PathLike, ...rest: [(string | number)?, fs.Mode?]) {
      const handle = await real.open(path, ...rest);
      const name = basename(String(path));
      for (const [method, verb] of [
        ['writeFile', 'write'],
        ['appendFile', 'write'],
        ['sync', 'sync'],
      ] as const) {
        const work = handle[method].bind(handle) as (...given: unknown[]) => Promise<void>;
        handle[method] = async (...given: unknown[]) => {
          await work(...given);
          say(`${verb} ${name}`);
        };
      }
      return handle;
    },
    async rename(from: fs.PathLike, to: fs.PathLike) {
      await real.rename(from, to);
      say(`rename ${basename(String(from))} ${basename(String(to))}`);
    },
    async rm(path: fs.PathLike, options?: fs.RmOptions) {
      await real.rm(path, options);
      say(`remove ${basename(String(path))}`);
    },
  } as typeof promises;
}

/** `node:sqlite`: each commit, and whether SQLite flushes the disk at it. */
export function tracedSqlite(real: typeof sqlite, say: Say): typeof sqlite {
  class TracedDatabase extends real.DatabaseSync {
    override exec(sql: string): void {
      super.exec(sql);
      if (!sql.includes('COMMIT')) return;
      const value = (name: string) => Object.values(super.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      // https://sqlite.org/pragma.html#pragma_synchronous: in WAL mode 2 (FULL) flushes the log at each commit.
      say(`commit in ${value('journal_mode')} with synchronous ${value('synchronous')}`);
    }
  }
  return { ...real, DatabaseSync: TracedDatabase };
}

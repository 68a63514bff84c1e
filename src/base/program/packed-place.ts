import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import * as sea from 'node:sea';
import { folderFiles } from './folder-files.ts';
import type { ProgramPlace } from './program-place.ts';

/** The bundle: this module's folder has a file for each entry point, and its parent is the root of the package. */
function bundlePlace(): ProgramPlace {
  const root = join(import.meta.dirname, '..');
  const entry = (name: string) => join(import.meta.dirname, `${name}.cjs`);
  return {
    isPacked: true,
    read: (path) => readFileSync(join(root, path)),
    list: (folder) => folderFiles(root, folder),
    command: () => [process.execPath, realpathSync(join(root, 'bin/mailbridge.js'))],
    thread: (name) => ({ script: entry(name), options: {} }),
    process: (name) => ({ module: entry(name), args: [] }),
  };
}

/** The single executable: everything is one of its assets, and its first argument selects the entry point. */
function executablePlace(): ProgramPlace {
  const folder = 'files/';
  const runAs = (name: string) => `--run-as=${name}`;
  return {
    isPacked: true,
    read: (path) => Buffer.from(sea.getAsset(folder + path)),
    list: (path) =>
      (sea as unknown as { getAssetKeys(): string[] })
        .getAssetKeys()
        .filter((key) => key.startsWith(`${folder}${path}/`))
        .map((key) => key.slice(folder.length))
        .toSorted(),
    command: () => [process.execPath],
    thread: (name) => ({ script: sea.getAsset('boot.cjs', 'utf8'), options: { eval: true, argv: [runAs(name)] } }),
    process: (name) => ({ module: runAs(name), args: [], execArgv: [] }),
  };
}

/** The program in its packaged form. */
export const program: ProgramPlace = sea.isSea() ? executablePlace() : bundlePlace();

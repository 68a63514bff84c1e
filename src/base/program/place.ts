import { readFileSync, realpathSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderFiles } from './folder-files.ts';
import type { ProgramPlace } from './program-place.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const extension = extname(import.meta.filename);

/** The program in a checkout, or compiled file by file. The packages have `packed-place.ts` in place of this module. */
export const program: ProgramPlace = {
  isPacked: false,
  read: (path) => readFileSync(join(root, path)),
  list: (folder) => folderFiles(root, folder),
  command: () => [process.execPath, realpathSync(join(root, 'bin/mailbridge.js'))],
  thread: (_, source) => ({ script: withExtension(source), options: {} }),
  process: (_, source) => ({ module: fileURLToPath(withExtension(source)), args: [] }),
};

/** Returns the source as it is, or compiled. */
function withExtension(source: URL): URL {
  return new URL(source.href.replace(/\.\w+$/, extension));
}

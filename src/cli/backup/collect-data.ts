import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { fileErrorText } from '../../base/files/private-file.ts';
import { dataParts } from './data-parts.ts';

/** A small file of the data folder. */
export interface DataFile {
  /** Relative to the data folder, with slashes. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/** The small files of a data folder that belong in a backup. @throws BridgeError `backup-file-unreadable` */
export function collectDataFiles(dataDir: string): DataFile[] {
  return dataParts.flatMap(({ folder, files }) =>
    filesIn(join(dataDir, folder))
      .filter((name) => files.test(name))
      .map((name) => ({ name: folder === '' ? name : `${folder}/${name}`, path: join(dataDir, folder, name) })),
  );
}

function filesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return [];
    throw new BridgeError('backup-file-unreadable', `${folder} cannot be read (${fileErrorText(cause)}).`, { cause });
  }
}

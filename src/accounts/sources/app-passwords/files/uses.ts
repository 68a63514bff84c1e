import { errorText } from '../../../../base/errors.ts';
import { readPrivateFile, writePrivateFile } from '../../../../base/files/private-file.ts';
import type { Log } from '../../../../base/log.ts';
import { maxAppPasswordBytes, readUses, writtenUses } from '../entries.ts';

export interface UsesFileOptions {
  readonly file: string;
  readonly log: Log;
  /** Whether an app password with that ID exists; the uses of others are removed. */
  isKnown(id: string): boolean;
}

/**
 * Records when app passwords were last used. It is a separate file that only the bridge writes, so no login waits for a
 * command, and no command overwrites data it does not know.
 */
export class UsesFile {
  readonly #options: UsesFileOptions;
  #uses: Map<string, string> | undefined;

  constructor(options: UsesFileOptions) {
    this.#options = options;
  }

  /** Adds uses, in milliseconds since 1970, by the IDs of the app passwords. @throws Error of the file system */
  async write(uses: ReadonlyMap<string, number>): Promise<void> {
    const { file, isKnown } = this.#options;
    this.#uses ??= await this.#read();
    for (const [id, ms] of uses) this.#uses.set(id, new Date(ms).toISOString());
    for (const id of this.#uses.keys()) if (!isKnown(id)) this.#uses.delete(id);
    await writePrivateFile(file, writtenUses(this.#uses));
  }

  /** Reads what an earlier run recorded; nothing if it is damaged. */
  async #read(): Promise<Map<string, string>> {
    const { file, log } = this.#options;
    const found = await readPrivateFile(file, maxAppPasswordBytes);
    if (found === undefined) return new Map();
    try {
      return readUses(found.content);
    } catch (error) {
      log.warn({ file }, `${file} ${errorText(error)}: starting a new one`);
      return new Map();
    }
  }
}

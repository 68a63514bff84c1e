import { errorText } from '../../../../base/errors.ts';
import { readPrivateFile, writePrivateFile } from '../../../../base/files/private-file.ts';
import type { Log } from '../../../../base/log.ts';
import { maxAppPasswordBytes, readUses, writtenUses } from '../entries.ts';

export interface UsesFileOptions {
  readonly file: string;
  readonly log: Log;
  /** Whether there is an app password of that id; the uses of others are taken out. */
  isKnown(id: string): boolean;
}

/**
 * When app passwords were used last. It stands in a file of its own, which only the bridge writes: so no login waits for
 * a command, and no command overwrites what it does not know.
 */
export class UsesFile {
  readonly #options: UsesFileOptions;
  #uses: Map<string, string> | undefined;

  constructor(options: UsesFileOptions) {
    this.#options = options;
  }

  /** Adds uses, in milliseconds since 1970, by the ids of the app passwords. @throws Error of the file system */
  async write(uses: ReadonlyMap<string, number>): Promise<void> {
    const { file, isKnown } = this.#options;
    this.#uses ??= await this.#read();
    for (const [id, ms] of uses) this.#uses.set(id, new Date(ms).toISOString());
    for (const id of this.#uses.keys()) if (!isKnown(id)) this.#uses.delete(id);
    await writePrivateFile(file, writtenUses(this.#uses));
  }

  /** What an earlier run noted; where that is damaged, nothing. */
  async #read(): Promise<Map<string, string>> {
    const { file, log } = this.#options;
    const found = await readPrivateFile(file, maxAppPasswordBytes);
    if (found === undefined) return new Map();
    try {
      return readUses(found.content);
    } catch (error) {
      log.warn({ file }, `${file} ${errorText(error)}: begun anew`);
      return new Map();
    }
  }
}

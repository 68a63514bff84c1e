import { createWriteStream, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { ReadEntry } from '../../backup/archive.ts';
import { type BackupManifest, readManifest } from '../../backup/manifest.ts';
import { BridgeError } from '../../base/errors.ts';
import { fileErrorText } from '../../base/files/private-file.ts';
import { type LoadedConfig, readConfigText } from '../../config/load.ts';
import { dataPrefix, isDataFile } from './data-parts.ts';

/** Limit for a file that is read into memory: the manifest, the configuration, a key or a certificate. */
const maxSmallBytes = 16 * 1024 * 1024;

/** A file that the configuration names, and where it belongs. */
export interface NamedFile {
  readonly path: string;
  readonly content: Buffer;
}

/** What is known after the first two entries of an archive. */
export interface UnpackedStart extends LoadedConfig {
  readonly manifest: BackupManifest;
  readonly configText: Buffer;
}

/**
 * Sorts the entries of an archive: small ones stay in memory, those of the data folder go to a folder. Anything that
 * does not belong in a backup is refused.
 */
export class Unpacking {
  readonly #archive: string;
  readonly #configFile: string;
  readonly #begin: (start: UnpackedStart) => string;
  #manifest: BackupManifest | undefined;
  #start: UnpackedStart | undefined;
  #folder = '';
  readonly #named = new Map<string, NamedFile>();
  readonly #seen = new Set<string>();

  /**
   * @param archive its name, for errors
   * @param configFile where the configuration will be; relative paths start at its folder
   * @param begin receives the start of the archive and returns the folder for the rest
   */
  constructor(archive: string, configFile: string, begin: (start: UnpackedStart) => string) {
    this.#archive = archive;
    this.#configFile = configFile;
    this.#begin = begin;
  }

  /** The files that the configuration names, by where they belong. */
  get named(): readonly NamedFile[] {
    return [...this.#named.values()];
  }

  /** @throws BridgeError `backup-damaged`, `backup-format-newer`, `config-invalid`; what `begin` throws */
  async take(entry: ReadEntry): Promise<void> {
    const { name } = entry;
    if (this.#seen.has(name)) throw this.#damaged(`has "${name}" twice`);
    this.#seen.add(name);
    if (!this.#manifest) this.#manifest = await this.#readFirst(entry);
    else if (!this.#start) this.#begun(await this.#readConfig(entry, this.#manifest));
    else if (name.startsWith(dataPrefix)) await this.#unpack(entry);
    else await this.#keep(entry, this.#start);
  }

  /** Called after all entries. @throws BridgeError `backup-damaged` */
  finish(): UnpackedStart {
    if (!this.#start) throw this.#damaged('has no configuration');
    const { files, queue } = this.#start.manifest;
    const needed = [...Object.values(files), ...(queue ? [`${dataPrefix}queue/queue.sqlite`] : [])];
    const missing = needed.find((name) => !this.#seen.has(name));
    if (missing !== undefined) throw this.#damaged(`lacks "${missing}"`);
    return this.#start;
  }

  async #readFirst(entry: ReadEntry): Promise<BackupManifest> {
    if (entry.name !== 'manifest.json') throw this.#damaged('does not begin with a manifest');
    return readManifest((await this.#read(entry)).toString('utf8'), this.#archive);
  }

  async #readConfig(entry: ReadEntry, manifest: BackupManifest): Promise<UnpackedStart> {
    if (entry.name !== 'config.json') throw this.#damaged('has no configuration');
    const configText = await this.#read(entry);
    const options = { env: {}, secrets: [], folder: dirname(this.#configFile), mode: 0o600 };
    const text = configText.toString('utf8');
    return { ...readConfigText(text, `The configuration in ${this.#archive}`, options), manifest, configText };
  }

  #begun(start: UnpackedStart): void {
    this.#start = start;
    this.#folder = this.#begin(start);
  }

  /** A file is only written to a path that the configuration itself names. */
  async #keep(entry: ReadEntry, { manifest, references }: UnpackedStart): Promise<void> {
    const written = Object.entries(manifest.files).find(([, name]) => name === entry.name)?.[0];
    const path = written === undefined ? undefined : references.files.get(written);
    if (path === undefined) throw this.#damaged(`holds "${entry.name}", which its configuration does not name`);
    if (this.#isOwnPlace(path)) throw this.#damaged(`names "${path}" as a file of its own, which is the bridge's`);
    this.#named.set(path, { path, content: await this.#read(entry) });
  }

  /** The configuration, the queue and the lock are not keys or certificates. */
  #isOwnPlace(path: string): boolean {
    const dataDir = this.#start?.config.dataDir ?? '';
    return (
      path === resolve(this.#configFile) || path === join(dataDir, 'lock') || isWithin(path, join(dataDir, 'queue'))
    );
  }

  async #unpack({ name, content }: ReadEntry): Promise<void> {
    const place = name.slice(dataPrefix.length);
    if (!isDataFile(place)) throw this.#damaged(`holds "${name}", which is no part of a backup`);
    const target = join(this.#folder, name);
    try {
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      // Same modes as the bridge uses: everybody may read certificates.
      const mode = name.startsWith(`${dataPrefix}tls/`) && name.endsWith('.crt') ? 0o644 : 0o600;
      await pipeline(content, createWriteStream(target, { flags: 'wx', mode, flush: true }));
    } catch (cause) {
      if ((cause as { syscall?: unknown }).syscall === undefined) throw cause;
      const reason = fileErrorText(cause);
      throw new BridgeError('restore-failed', `${target} cannot be written (${reason}).`, { cause });
    }
  }

  async #read({ name, size, content }: ReadEntry): Promise<Buffer> {
    if (size > maxSmallBytes) throw this.#damaged(`holds "${name}" of ${size} bytes`);
    return await buffer(content);
  }

  #damaged(what: string): BridgeError {
    return new BridgeError('backup-damaged', `${this.#archive} ${what}.`);
  }
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return !way.startsWith('..') && !isAbsolute(way);
}

/** Whether a file with this content is already in its place. */
export function isThere({ path, content }: NamedFile): boolean {
  try {
    return statSync(path).size === content.length && readFileSync(path).equals(content);
  } catch {
    return false;
  }
}

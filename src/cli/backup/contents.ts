import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, normalize, resolve } from 'node:path';
import type { ArchiveEntry } from '../../backup/archive.ts';
import { type BackupManifest, backupFormatVersion } from '../../backup/manifest.ts';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { fileErrorText } from '../../base/files/private-file.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { QueueCopy } from '../../queue/stores/sqlite/copy.ts';
import { collectDataFiles } from './collect-data.ts';
import { dataPrefix } from './data-parts.ts';

/** The contents of a backup. */
export interface BackupContents {
  readonly manifest: BackupManifest;
  readonly entries: readonly ArchiveEntry[];
  /** What an administrator has to keep separately, a line each. */
  readonly warnings: readonly string[];
}

/** What is to be backed up. */
export interface BackupSource extends LoadedConfig {
  readonly configFile: string;
  readonly version: string;
  /** A copy of the queue and the folder with it; undefined if there is no queue yet. */
  readonly queue: (QueueCopy & { readonly folder: string }) | undefined;
}

/** Created whenever the machine or the service starts, from sources kept elsewhere. */
const madeAtStart = /^\/(?:run|var\/run|proc|sys|dev)\//;

/**
 * Gathers what belongs in a backup. The small files are read, the queue's are named.
 * @throws BridgeError `backup-file-unreadable`
 */
export function gatherContents(source: BackupSource): BackupContents {
  const { configFile, config, queue } = source;
  const data = collectDataFiles(config.dataDir);
  const named = collectNamedFiles(source, new Set(data.map(({ path }) => path)));
  const manifest: BackupManifest = {
    format: backupFormatVersion,
    mailbridge: source.version,
    madeAt: new Date().toISOString(),
    host: hostname(),
    config: resolve(configFile),
    dataDir: config.dataDir,
    files: Object.fromEntries(named.files.map(({ written, entry }) => [written, entry.name])),
    environment: [...source.references.variables],
    ...(queue && { queue: { messages: queue.messages, withoutBody: [...queue.withoutBody] } }),
  };
  return {
    manifest,
    entries: [
      entryOf('manifest.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)),
      entryOf('config.json', readPart(configFile)),
      ...named.files.map(({ entry }) => entry),
      ...data.map(({ name, path }) => entryOf(dataPrefix + name, readPart(path))),
      ...queueEntries(queue),
    ],
    warnings: [
      ...variableWarnings(manifest.environment),
      ...named.warnings,
      ...tokenKeyWarnings(source, data),
      ...(queue?.withoutBody ?? []).map((id) => `message ${id} has lost its content, and can no longer be sent`),
    ],
  };
}

interface NamedFile {
  /** As written in the configuration. */
  readonly written: string;
  readonly entry: ArchiveEntry;
}

/** The files that the configuration names. @param collected absolute paths that are already in the backup */
function collectNamedFiles(source: BackupSource, collected: ReadonlySet<string>) {
  const issued = assertionFiles(source);
  const files: NamedFile[] = [];
  const warnings: string[] = [];
  const names = new Set<string>();
  for (const [written, path] of source.references.files) {
    if (collected.has(path)) continue;
    const whyNot = issued.has(path) || madeAtStart.test(path) ? 'is created at each start' : absence(path);
    if (whyNot !== undefined) {
      warnings.push(`${path} ${whyNot}, and is not in the backup`);
      continue;
    }
    const name = entryName(written, path, names);
    names.add(name);
    files.push({ written, entry: entryOf(name, readPart(path)) });
  }
  return { files, warnings };
}

/** Tokens that an issuer outside the bridge writes and renews. */
function assertionFiles({ config }: BackupSource): Set<string | undefined> {
  const files = Object.values(config.connections).map((connection) =>
    'clientAssertionFile' in connection ? connection.clientAssertionFile : undefined,
  );
  return new Set(files);
}

/** Why a file cannot be read; undefined if it can. @throws BridgeError `backup-file-unreadable` */
function absence(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? undefined : 'is not a regular file';
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return 'does not exist';
    throw unreadable(path, cause);
  }
}

/** A name that shows where the file was, for people who open the archive by hand. */
function entryName(written: string, path: string, taken: ReadonlySet<string>): string {
  const relative = normalize(written);
  const isBeside = !relative.startsWith('/') && !relative.startsWith('..');
  const telling = isBeside ? `files/${relative}` : `root${path}`;
  const isPlain = /^[\w@+=,.-]+(?:\/[\w@+=,.-]+)*$/.test(telling) && Buffer.byteLength(telling) < 200;
  return isPlain && !taken.has(telling) ? telling : `other/${taken.size + 1}`;
}

function entryOf(name: string, content: Buffer | string): ArchiveEntry {
  return { name, content, mtime: new Date() };
}

function queueEntries(queue: BackupSource['queue']): ArchiveEntry[] {
  if (!queue) return [];
  const names = ['queue.sqlite', ...queue.bodies.map((name) => `bodies/${name}`)];
  return names.map((name) => entryOf(`${dataPrefix}queue/${name}`, join(queue.folder, name)));
}

function variableWarnings(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [`the backup does not contain what is in the environment: keep ${names.join(', ')} elsewhere`];
}

/** Sign-ins are useless without their key. */
function tokenKeyWarnings({ config }: BackupSource, data: readonly { readonly name: string }[]): string[] {
  const hasSignIns = data.some(({ name }) => name.startsWith('sign-ins/'));
  const hasKey = config.tokenKey !== undefined || data.some(({ name }) => name === 'token.key');
  return !hasSignIns || hasKey
    ? []
    : ['the key that encrypts the sign-ins is a systemd credential, and is not in the backup: keep it elsewhere'];
}

/** @throws BridgeError `backup-file-unreadable` */
function readPart(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): BridgeError {
  return new BridgeError('backup-file-unreadable', `${path} cannot be read (${fileErrorText(cause)}).`, { cause });
}

import { gzipSync } from 'node:zlib';
import { packTar, type TarEntry } from 'modern-tar';
import type { PackedFile } from './files.ts';

/** The same sources make the same package. */
const mtime = new Date('2026-01-01T00:00:00Z');

/** A tar archive, compressed with gzip. Folders come before their contents; everything belongs to root. */
export async function tarball(entries: readonly TarEntry[]): Promise<Buffer> {
  return gzipSync(await packTar([...entries]), { level: 7 });
}

/** What npm installs: everything in the folder `package`. */
export function packageEntries(files: readonly PackedFile[]): TarEntry[] {
  return files.map((file) => fileEntry(`package/${file.path}`, file.content, file.mode));
}

export function fileEntry(name: string, body: Buffer, mode: number): TarEntry {
  return { header: { ...common, name, mode, size: body.length, type: 'file' }, body };
}

export function folderEntry(name: string, mode = 0o755): TarEntry {
  return { header: { ...common, name: `${name}/`, mode, size: 0, type: 'directory' } };
}

export function linkEntry(name: string, linkname: string): TarEntry {
  return { header: { ...common, name, linkname, mode: 0o777, size: 0, type: 'symlink' } };
}

const common = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime };

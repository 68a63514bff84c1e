import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { TarEntry } from 'modern-tar';
import { fileEntry, folderEntry, linkEntry, tarball } from '../tarball.ts';

/** A file or link in a Debian package. */
export interface DebianFile {
  /** Absolute path where it is installed. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode?: number;
  /** Target of a link, which has no content. */
  readonly link?: string;
}

/** Scripts and lists that dpkg reads: deb-control(5), deb-conffiles(5), deb-postinst(5) and so on. */
export type ControlFiles = Readonly<Record<string, string>>;

/**
 * An archive in dpkg's format: deb(5). `dpkg-deb` would make the same; this does not need Debian.
 * @param control all of them except `md5sums`; those that begin with `#!` are executable
 */
export async function debianArchive(control: ControlFiles, files: readonly DebianFile[]): Promise<Buffer> {
  const all = { ...control, md5sums: md5sums(files) };
  const controlEntries = Object.entries(all).map(([name, text]) =>
    fileEntry(`./${name}`, Buffer.from(text), text.startsWith('#!') ? 0o755 : 0o644),
  );
  return ar([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', await tarball([folderEntry('.'), ...controlEntries])],
    ['data.tar.gz', await tarball(dataEntries(files))],
  ]);
}

function dataEntries(files: readonly DebianFile[]): TarEntry[] {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const folders = new Set(sorted.flatMap(({ path }) => foldersOf(path)));
  return [
    ...[...folders].toSorted().map((folder) => folderEntry(`.${folder}`.replace(/\/$/, ''))),
    ...sorted.map(({ path, content, mode, link }) =>
      link === undefined ? fileEntry(`.${path}`, content, mode ?? 0o644) : linkEntry(`.${path}`, link),
    ),
  ];
}

function foldersOf(path: string): string[] {
  const folder = posix.dirname(path);
  return folder === '/' ? ['/'] : [...foldersOf(folder), folder];
}

function md5sums(files: readonly DebianFile[]): string {
  const lines = files
    .filter(({ link }) => link === undefined)
    .map(({ path, content }) => `${createHash('md5').update(content).digest('hex')}  ${path.slice(1)}\n`);
  return lines.toSorted((a, b) => (a.slice(34) < b.slice(34) ? -1 : 1)).join('');
}

/** The ar format: a header of fixed columns before each member, which begins at an even offset. */
function ar(members: readonly (readonly [name: string, content: Buffer])[]): Buffer {
  const parts = members.flatMap(([name, content]) => [
    Buffer.from(
      `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n`,
    ),
    content,
    Buffer.alloc(content.length % 2, '\n'),
  ]);
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

/** A file compressed as Debian requires for documents, without name and time. */
export function compressed(text: string | Buffer): Buffer {
  return gzipSync(text, { level: 9 });
}

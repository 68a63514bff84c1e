import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './bundle/chunks.ts';
import { pageFiles } from './bundle/pages.ts';
import { manualPages } from './manual/pages.ts';

/** A file of a package. */
export interface PackedFile {
  /** Relative to the root of the package, with `/` as separator. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
}

/** What the program reads at run time, and files for people. */
const shipped = ['docs/*.md', 'service/**/*', 'config.example.json', 'config.schema.json', 'CHANGELOG.md', 'LICENSE'];

/** The files that every package has in addition to the program itself. */
export async function programFiles(version: string, notices: string): Promise<PackedFile[]> {
  const copied = globSync(shipped, { cwd: repository, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.git'))
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length))
    .toSorted();
  return [
    ...copied.map((path) => packed(path, readFileSync(join(repository, path)))),
    packed('package.json', `${JSON.stringify(manifest(version), null, 2)}\n`),
    packed('THIRD-PARTY-NOTICES', notices),
    ...(await pageFiles()).map(({ path, content }) => packed(`pages/${path}`, content)),
    ...(await manualPages(version)).map(({ name, text }) => packed(`man/${name}`, text)),
  ];
}

export function packed(path: string, content: string | Buffer, mode = 0o644): PackedFile {
  return { path, content: Buffer.from(content), mode };
}

/** The repository's manifest without what only developers need. Everything it loads is in the bundle. */
function manifest(version: string): object {
  const { name, description, license, keywords, type, bin, engines, peerDependencies } = JSON.parse(
    readFileSync(join(repository, 'package.json'), 'utf8'),
  ) as Record<string, unknown>;
  return {
    ...{ name, version, description, license, keywords, type, bin, engines, peerDependencies },
    // npm uses an optional peer if it is installed next to the package, and fetches nothing.
    peerDependenciesMeta: { node: { optional: true } },
    man: ['man/mailbridge.1', 'man/mailbridge-config.5'],
  };
}

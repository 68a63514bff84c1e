import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Chunk, repository } from './chunks.ts';
import { vendoredPackages } from './pages.ts';

/** A third-party package whose code is in ours. */
interface Foreign {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly text: string;
}

/**
 * Names every package whose code is in the chunks or the pages, with the text of its licence.
 * @param more other software in the same package: Node.js itself
 * @throws Error naming a package that ships no licence
 */
export function thirdPartyNotices(chunks: readonly Chunk[], more: readonly Foreign[] = []): string {
  const folders = new Set(vendoredPackages.filter((folder) => existsSync(join(repository, folder))));
  for (const path of chunks.flatMap(({ modules }) => modules)) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.replaceAll('\0', '')) ?? [];
    if (folder !== undefined) folders.add(folder.replace(repository, ''));
  }
  const all = [...[...folders].map(foreign), ...more].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const parts = all.map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text.trim()}\n`);
  return [`mailbridge holds code of ${all.length} other packages.\n`, ...parts].join(`\n${'-'.repeat(80)}\n\n`);
}

/** Names of licence files, the usual ones first. */
const licenceNames = /^(?:licen[cs]e|copying|mit-license)(?:[-.].*)?$/i;

function foreign(folder: string): Foreign {
  const path = join(repository, folder);
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Foreign;
  const file = readdirSync(path).find((each) => licenceNames.test(each));
  const text = file === undefined ? licenceInReadme(path) : readFileSync(join(path, file), 'utf8');
  if (text === undefined) throw new Error(`${folder} ships no text of its licence (${license}); see where it has one.`);
  return { name, version, license, text };
}

/** In some packages it is only there, under its own heading. */
function licenceInReadme(folder: string): string | undefined {
  const readme = readdirSync(folder).find((each) => /^readme\.md$/i.test(each));
  const text = readme === undefined ? '' : readFileSync(join(folder, readme), 'utf8');
  return /^#+ *licen[cs]e\b.*\n([\s\S]*)/im.exec(text)?.[1];
}

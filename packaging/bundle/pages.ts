import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { repository } from './chunks.ts';

/** A file of the admin pages, as a browser gets it. */
export interface BrowserFile {
  readonly path: string;
  readonly content: Buffer;
}

const pages = 'src/admin/pages';

/** What the pages load of other packages: in a checkout it comes from node_modules. */
const vendored: readonly { readonly files: string; readonly from: string; readonly to: string }[] = [
  { files: '{*.js,directives/*.js}', from: 'node_modules/lit-html', to: 'pages/vendor/lit-html' },
  { files: 'uPlot.{esm.js,min.css}', from: 'node_modules/uplot/dist', to: 'pages/vendor/uplot' },
];

/** The packages whose files the pages load. */
export const vendoredPackages = ['node_modules/lit-html', 'node_modules/uplot'];

/**
 * The files of the admin pages for `pages/` of a package: TypeScript as JavaScript, everything else as it is, and what
 * they load of other packages in `pages/vendor/`. None where there are no pages.
 */
export function pageFiles(): BrowserFile[] {
  const own = globSync(`${pages}/**/*`, { cwd: repository, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.d.ts') && entry.name !== 'tsconfig.json')
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length));
  if (own.length === 0) return [];
  return [...own.map(ownFile), ...vendored.flatMap(vendorFiles)].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function ownFile(path: string): BrowserFile {
  const content = readFileSync(join(repository, path));
  const target = `pages/${path.slice(pages.length + 1)}`;
  if (!target.endsWith('.ts')) return { path: target, content };
  return { path: target.replace(/\.ts$/, '.js'), content: Buffer.from(asJavaScript(content.toString('utf8'))) };
}

function vendorFiles({ files, from, to }: (typeof vendored)[number]): BrowserFile[] {
  const folder = join(repository, from);
  return globSync(files, { cwd: folder }).map((name) => ({
    path: `${to}/${name}`,
    content: Buffer.from(readFileSync(join(folder, name), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n')),
  }));
}

/** Imports keep the name that the server answers to: `./plot.ts` is asked for as `./plot.js`. */
function asJavaScript(code: string): string {
  return stripTypeScriptTypes(code).replace(/((?:from|import)\s*\(?\s*'\.[^']*)\.ts'/g, "$1.js'");
}

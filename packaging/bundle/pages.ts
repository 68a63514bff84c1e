import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { repository } from './chunks.ts';

/** A file of the admin pages, as sent to a browser. */
export interface BrowserFile {
  readonly path: string;
  readonly content: Buffer;
}

const source = join(repository, 'src/admin/pages');

/** What the pages load from other packages: in a checkout it comes from node_modules. */
const vendored: readonly { readonly files: string; readonly from: string; readonly to: string }[] = [
  { files: '{*.js,directives/*.js}', from: 'node_modules/lit-html', to: 'vendor/lit-html' },
  { files: 'uPlot.{esm.js,min.css}', from: 'node_modules/uplot/dist', to: 'vendor/uplot' },
];

/** The packages whose files the pages load. */
export const vendoredPackages = ['node_modules/lit-html', 'node_modules/uplot'];

/**
 * The files of the admin pages for a package, below its `pages/`: their own, and what they load from other packages.
 */
export async function pageFiles(): Promise<BrowserFile[]> {
  const all = [...(await ownPageFiles()), ...vendored.flatMap(vendorFiles)];
  return all.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Our own files: the code as one small `main.js`, one for people who connect a mailbox, and one more per page, loaded
 * when it is opened. When run from source, the server strips the types instead.
 */
export async function ownPageFiles(): Promise<BrowserFile[]> {
  // People who connect a mailbox load nothing of the administrators' pages.
  const code = [...(await codeOf('main')), ...(await codeOf('connect/main'))];
  const others = globSync('{*.{html,css,svg},connect/*.html}', { cwd: source }).map((name) => {
    const text = readFileSync(join(source, name), 'utf8');
    return textFile(name, name.endsWith('.css') ? dense(text) : text);
  });
  return [...code, ...others];
}

/** What a browser loads of a page. @param entry path of its file below the pages, without extension */
async function codeOf(entry: string): Promise<BrowserFile[]> {
  const build = await rolldown({ input: { main: join(source, `${entry}.ts`) }, external: /\/vendor\// });
  const { output } = await build.generate({ minify: true, chunkFileNames: '[name]-[hash].js' });
  await build.close();
  return output.flatMap((file) =>
    // Only templates still contain line ends with indentation.
    file.type === 'chunk' ? [textFile(join(dirname(entry), file.fileName), file.code.replaceAll(/\n {2,}/g, ' '))] : [],
  );
}

function textFile(path: string, text: string): BrowserFile {
  return { path, content: Buffer.from(text) };
}

function dense(css: string): string {
  return css
    .replaceAll(/\/\*.*?\*\//gs, '')
    .replaceAll(/\s*([{}:;,])\s+/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(';}', '}')
    .replaceAll(/(?<=[\s:(,])0\.(?=\d)/g, '.')
    .trim();
}

function vendorFiles({ files, from, to }: (typeof vendored)[number]): BrowserFile[] {
  const folder = join(repository, from);
  return globSync(files, { cwd: folder }).map((name) =>
    textFile(
      `${to}/${name}`,
      readFileSync(join(folder, name), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n'),
    ),
  );
}

// `npm run build` writes them next to the compiled server.
if (import.meta.main) {
  const [folder = ''] = process.argv.slice(2);
  for (const { path, content } of await ownPageFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

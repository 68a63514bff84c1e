import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { findPackageJSON, stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';

/** A file as a browser gets it. */
export interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly content: Buffer;
}

const types: ReadonlyMap<string, string> = new Map(
  Object.entries({
    html: 'text/html; charset=utf-8',
    css: 'text/css; charset=utf-8',
    js: 'text/javascript; charset=utf-8',
    svg: 'image/svg+xml',
    png: 'image/png',
    ico: 'image/x-icon',
    woff2: 'font/woff2',
    webmanifest: 'application/manifest+json',
  }),
);

/** Names of files and folders: none is hidden, none leads upward. */
const pathForm = /^[A-Za-z0-9][\w-]*(?:\.[\w-]+)*(?:\/[A-Za-z0-9][\w-]*(?:\.[\w-]+)*)*$/;

/** Of the packages, what pages may load. */
const vendorForms: Readonly<Record<string, { readonly form: RegExp; readonly folder: string }>> = {
  'lit-html': { form: /^(?:[a-z-]+\.js|directives\/[a-z-]+\.js)$/, folder: '.' },
  uplot: { form: /^uPlot\.(?:esm\.js|min\.css)$/, folder: 'dist' },
};

interface Cached extends PageFile {
  readonly mtimeMs: number;
  readonly size: number;
}

/** The files of the pages, and those of the two packages that they load. Run from source, TypeScript becomes JavaScript. */
export class PageFiles {
  readonly #folder: string;
  readonly #cache = new Map<string, Cached>();

  /** @param folder default: that of the pages beside this one */
  constructor(folder = join(import.meta.dirname, '../pages')) {
    this.#folder = folder;
  }

  /**
   * @param path below `/ui/`, decoded; one without the extension of a file is the page itself, which reads it
   * @returns undefined: there is none
   */
  async get(path: string): Promise<PageFile | undefined> {
    const extension = /\.(\w+)$/.exec(path)?.[1] ?? '';
    if (path.startsWith('vendor/')) return await this.#vendor(path.slice('vendor/'.length), extension);
    if (extension !== 'ts' && !types.has(extension)) return await this.#read(join(this.#folder, 'index.html'), 'html');
    if (!pathForm.test(path)) return undefined;
    if (extension === 'js') {
      const file = join(this.#folder, path);
      return (await this.#read(file, 'js')) ?? (await this.#read(`${file.slice(0, -2)}ts`, 'ts'));
    }
    return await this.#read(join(this.#folder, path), extension);
  }

  async #vendor(path: string, extension: string): Promise<PageFile | undefined> {
    const [name = '', ...rest] = path.split('/');
    const allowed = Object.hasOwn(vendorForms, name) ? vendorForms[name] : undefined;
    if (!allowed?.form.test(rest.join('/'))) return undefined;
    const manifest = findPackageJSON(name, import.meta.url);
    return manifest === undefined
      ? undefined
      : await this.#read(join(dirname(manifest), allowed.folder, ...rest), extension);
  }

  async #read(file: string, extension: string): Promise<PageFile | undefined> {
    const type = types.get(extension === 'ts' ? 'js' : extension);
    if (type === undefined) return undefined;
    const facts = await stat(file).catch((error: unknown) => {
      if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined;
      throw error;
    });
    if (!facts?.isFile()) return undefined;
    const { mtimeMs, size } = facts;
    const known = this.#cache.get(file);
    if (known?.mtimeMs === mtimeMs && known.size === size) return known;
    const read = await readFile(file);
    const content = extension === 'ts' ? Buffer.from(withoutTypes(read.toString())) : read;
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    const cached = { type, etag, content, mtimeMs, size };
    this.#cache.set(file, cached);
    return cached;
  }
}

/** Node.js warns at the first call that this may change; whoever runs a bridge can do nothing about it. */
function withoutTypes(code: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(code);
  } finally {
    process.emitWarning = emitWarning;
  }
}

import { readFile, stat } from 'node:fs/promises';
import { findPackageJSON, stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import { program } from '../../base/program/place.ts';
import { PackedPages } from './packed-pages.ts';
import { type PageFile, pageFile, pageTypes } from './page-file.ts';

/** Names of files and folders: none is hidden, none leads upward. */
const pathForm = /^[A-Za-z0-9][\w-]*(?:\.[\w-]+)*(?:\/[A-Za-z0-9][\w-]*(?:\.[\w-]+)*)*$/;

/** The files in packages that pages may load. */
const vendorForms: Readonly<Record<string, { readonly form: RegExp; readonly folder: string }>> = {
  'lit-html': { form: /^(?:[a-z-]+\.js|directives\/[a-z-]+\.js)$/, folder: '.' },
  uplot: { form: /^uPlot\.(?:esm\.js|min\.css)$/, folder: 'dist' },
};

interface Cached extends PageFile {
  readonly mtimeMs: number;
  readonly size: number;
}

/**
 * The files of the pages, and those of the two packages that they load. When run from source, TypeScript is converted
 * to JavaScript.
 */
export class PageFiles {
  readonly #folder: string;
  readonly #packed: PackedPages | undefined;
  readonly #cache = new Map<string, Cached>();

  /** @param folder default: the pages beside this file; in a package they are elsewhere */
  constructor(folder?: string) {
    this.#folder = folder ?? join(import.meta.dirname, '../pages');
    this.#packed = program.isPacked && folder === undefined ? new PackedPages(program) : undefined;
  }

  /**
   * @param path below `/ui/`, decoded; without a file extension it is the page itself, which reads the path
   * @returns undefined: there is none
   */
  async get(path: string): Promise<PageFile | undefined> {
    const extension = /\.(\w+)$/.exec(path)?.[1] ?? '';
    const isVendor = path.startsWith('vendor/');
    const isPage = !isVendor && extension !== 'ts' && !pageTypes.has(extension);
    if (this.#packed) return this.#packed.get(isPage ? 'index.html' : path);
    if (isVendor) return await this.#vendor(path.slice('vendor/'.length), extension);
    if (isPage) return await this.#read(join(this.#folder, 'index.html'), 'html');
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
    const type = pageTypes.get(extension === 'ts' ? 'js' : extension);
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
    const cached = { ...pageFile(type, content), mtimeMs, size };
    this.#cache.set(file, cached);
    return cached;
  }
}

/** Node.js warns at the first call that this may change; an administrator can do nothing about that. */
function withoutTypes(code: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(code);
  } finally {
    process.emitWarning = emitWarning;
  }
}

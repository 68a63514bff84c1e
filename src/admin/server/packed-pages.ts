import { extname } from 'node:path/posix';
import type { ProgramPlace } from '../../base/program/program-place.ts';
import { type PageFile, pageFile, pageTypes } from './page-file.ts';

const folder = 'pages/';

/** The pages in a package: each file is stored as browsers get it, and no other is served. */
export class PackedPages {
  readonly #place: ProgramPlace;
  readonly #files = new Map<string, PageFile>();
  readonly #known: ReadonlySet<string>;

  constructor(place: ProgramPlace) {
    this.#place = place;
    this.#known = new Set(place.list('pages'));
  }

  /** @param path below `/ui/`. @returns undefined: there is none */
  get(path: string): PageFile | undefined {
    const name = folder + path;
    const type = pageTypes.get(extname(path).slice(1));
    if (type === undefined || !this.#known.has(name)) return undefined;
    const file = this.#files.get(path) ?? pageFile(type, this.#place.read(name));
    this.#files.set(path, file);
    return file;
  }
}

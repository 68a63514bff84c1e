import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

/** A JavaScript file (CommonJS) that is loaded when first needed. */
export interface Chunk {
  readonly name: string;
  readonly code: string;
  /** The source files, and files of other packages, that it contains. */
  readonly modules: readonly string[];
}

/** By the name that the program loads them by: `src/base/program/packed-place.ts`. */
const entryPoints = {
  main: 'src/main.ts',
  'queue-thread': 'src/queue/stores/sqlite/link/thread.ts',
  'reading-worker': 'src/app/workers/worker-process.ts',
};

/**
 * Bundles the sources and everything that they load from other packages into chunks: what a start needs is together,
 * what only one command or setting needs is separate.
 */
export async function makeChunks(): Promise<Chunk[]> {
  const input = Object.fromEntries(Object.entries(entryPoints).map(([name, path]) => [name, join(repository, path)]));
  const build = await rolldown({
    input,
    cwd: repository,
    platform: 'node',
    external: ['pg-native'],
    // Its `main` wraps its parts so that no bundler finds them.
    resolve: { alias: { 'jsonc-parser': join(repository, 'node_modules/jsonc-parser/lib/esm/main.js') } },
    plugins: [packedPlace, undiciParts, withoutHttp2],
    onLog(level, log) {
      if (level === 'warn') process.stderr.write(`${log.message}\n`);
    },
  });
  const { output } = await build.generate({
    format: 'cjs',
    minify: true,
    comments: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
  });
  await build.close();
  return output.flatMap((part) => {
    if (part.type !== 'chunk') return [];
    return [{ name: part.fileName, code: inAscii(part.code), modules: part.moduleIds }];
  });
}

/** In the packages, files have other locations than in a checkout. */
const packedPlace: Plugin = {
  name: 'packed-place',
  resolveId(source) {
    if (!source.endsWith('/program/place.ts')) return null;
    return join(repository, 'src/base/program/packed-place.ts');
  },
};

/** A bundler sees which files `require` names, unless the `require` is created in code. */
const undiciParts: Plugin = {
  name: 'undici-parts',
  transform(code, id) {
    if (!id.endsWith('src/base/http/undici.ts')) return null;
    return code.replace('const require = createRequire(import.meta.url);', '');
  },
};

/** undici is used only for HTTP/1.1, and works without HTTP/2 if Node.js has none; loading that costs 1 MB. */
const withoutHttp2: Plugin = {
  name: 'without-http2',
  transform(code, id) {
    if (!id.endsWith('undici/lib/dispatcher/client-h2.js')) return null;
    return code.replace("http2 = require('node:http2')", "throw new Error('left out')");
  },
};

/**
 * A single character beyond Latin-1 makes the engine keep the whole file at two bytes per character. Comments are gone
 * here; in strings, templates and patterns an escape is equivalent. (`String.raw` would see the difference: nothing may
 * use it that way.)
 */
function inAscii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

/** A file of JavaScript (CommonJS) that is loaded when it is first needed. */
export interface Chunk {
  readonly name: string;
  readonly code: string;
  /** The files of the sources and of other packages that are in it. */
  readonly modules: readonly string[];
}

/** By the name under which the program asks for them: `src/base/program/packed-place.ts`. */
const entryPoints = {
  main: 'src/main.ts',
  'queue-thread': 'src/queue/stores/sqlite/link/thread.ts',
  'reading-worker': 'src/app/workers/worker-process.ts',
};

/**
 * Makes the sources and all that they load of other packages into chunks: what belongs to a start is together, what one
 * command or one setting needs is apart from it.
 */
export async function makeChunks(): Promise<Chunk[]> {
  const input = Object.fromEntries(Object.entries(entryPoints).map(([name, path]) => [name, join(repository, path)]));
  const build = await rolldown({
    input,
    cwd: repository,
    platform: 'node',
    external: ['pg-native'],
    // What its `main` names wraps its parts so that no bundler finds them.
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

/** The packages have another place for their files than a checkout. */
const packedPlace: Plugin = {
  name: 'packed-place',
  resolveId(source) {
    if (!source.endsWith('/program/place.ts')) return null;
    return join(repository, 'src/base/program/packed-place.ts');
  },
};

/** A bundler sees which files `require` names, unless it is one made by hand. */
const undiciParts: Plugin = {
  name: 'undici-parts',
  transform(code, id) {
    if (!id.endsWith('src/base/http/undici.ts')) return null;
    return code.replace('const require = createRequire(import.meta.url);', '');
  },
};

/** undici is asked for HTTP/1.1 alone, and does without the other where a Node.js has none; loaded, that costs 1 MB. */
const withoutHttp2: Plugin = {
  name: 'without-http2',
  transform(code, id) {
    if (!id.endsWith('undici/lib/dispatcher/client-h2.js')) return null;
    return code.replace("http2 = require('node:http2')", "throw new Error('left out')");
  },
};

/**
 * With one character beyond Latin-1 the engine keeps a whole file in two octets a character. Comments are gone here; in
 * strings, templates and patterns an escape is the same. (`String.raw` would see the difference: nothing may use it so.)
 */
function inAscii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

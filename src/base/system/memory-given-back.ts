import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Node.js' own function, as far as it is used here: https://nodejs.org/api/cli.html `--expose-gc`. */
type CollectGarbage = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/** Until then what the first clients and tokens load is loaded, too. */
const afterMs = 1_000;

/**
 * Gives back, once, what a start has left in the heap of this thread: some 8 MB of 20. By itself the engine keeps the
 * pages, and collects them when there is more. It takes some 30 ms.
 */
export function giveMemoryBackSoon(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as CollectGarbage;
    setFlagsFromString('--no-expose-gc');
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, afterMs).unref();
}

import type { CliInput } from './io.ts';

const maxBytes = 16 * 1024;

/**
 * The first line of standard input, typed, pasted or piped.
 * @returns undefined when there is none
 * @throws the reason of `signal`
 */
export function firstLine(stdin: CliInput, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let text = '';
    const stop = (settle: () => void) => {
      stdin.off('data', onData).off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      stdin.pause();
      settle();
    };
    const onData = (chunk: Buffer | string) => {
      text += chunk.toString();
      const end = text.search(/[\r\n]/);
      if (end >= 0 || text.length > maxBytes) stop(() => resolve((end < 0 ? text : text.slice(0, end)).trim()));
    };
    const onEnd = () => stop(() => resolve(text.trim() === '' ? undefined : text.trim()));
    const onAbort = () => stop(() => reject(signal.reason));
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    stdin.on('data', onData).on('end', onEnd);
    stdin.resume();
  });
}

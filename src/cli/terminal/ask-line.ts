import type { CliIo } from './io.ts';
import { widthOf } from './width.ts';
import { fittedText } from './wrap.ts';

const maxLineBytes = 16 * 1024;
const lineFeed = 0x0a;

/**
 * Asks for a line, typed, pasted or piped. Input after it stays for the next question. The prompt goes to standard
 * error.
 * @param signal abandons the question
 * @returns the line without its end; undefined if the input has ended
 * @throws the reason of `signal`
 */
export function askLine(
  { stdin, stderr }: Pick<CliIo, 'stdin' | 'stderr'>,
  prompt: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  stderr.write(fittedText(prompt, widthOf(stderr, {})));
  // The input ended with the previous answer.
  if (!stdin.readable) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const stop = () => {
      stdin.off('data', onData).off('end', onEnd);
      signal?.removeEventListener('abort', onAbort);
      stdin.pause();
    };
    const finish = (line: Buffer | undefined, rest?: Buffer) => {
      stop();
      if (rest !== undefined && rest.length > 0) stdin.unshift(rest);
      // Typed input is echoed with its line end; piped input is not.
      if (!stdin.isTTY) stderr.write('\n');
      resolve(line?.toString().replace(/\r$/, ''));
    };
    const onData = (chunk: Buffer | string) => {
      read = Buffer.concat([read, Buffer.from(chunk)]);
      const end = read.indexOf(lineFeed);
      if (end >= 0) finish(read.subarray(0, end), read.subarray(end + 1));
      else if (read.length > maxLineBytes) finish(read);
    };
    const onEnd = () => finish(read.length > 0 ? read : undefined);
    const onAbort = () => {
      stop();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort);
    stdin.on('data', onData).on('end', onEnd);
    stdin.resume();
  });
}

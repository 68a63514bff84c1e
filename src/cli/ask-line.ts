import type { CliIo } from './io.ts';

const maxLineBytes = 16 * 1024;
const lineFeed = 0x0a;

/**
 * Asks for a line, typed or piped. What comes behind it stays for the next question. The prompt goes to standard error.
 * @returns the line without its end; undefined when the input has ended
 */
export function askLine({ stdin, stderr }: CliIo, prompt: string): Promise<string | undefined> {
  stderr.write(prompt);
  // Its end came with the answer before.
  if (!stdin.readable) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const finish = (line: Buffer | undefined, rest?: Buffer) => {
      stdin.off('data', onData).off('end', onEnd);
      stdin.pause();
      if (rest !== undefined && rest.length > 0) stdin.unshift(rest);
      // What is typed shows by itself, with its line end; what is piped does not.
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
    stdin.on('data', onData).on('end', onEnd);
    stdin.resume();
  });
}

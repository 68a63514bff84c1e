import { StringDecoder } from 'node:string_decoder';
import type { CliIo } from './io.ts';
import { widthOf } from './width.ts';
import { fittedText } from './wrap.ts';

/**
 * Asks on a terminal for a line that is not echoed. The prompt goes to standard error, so that standard output stays
 * clean for pipes.
 * @param maxBytes anything beyond it is dropped
 * @returns the line; undefined if it was abandoned with Ctrl-C or Ctrl-D, or the input has ended
 */
export function promptHidden(io: CliIo, prompt: string, maxBytes: number): Promise<string | undefined> {
  const { stdin, stderr } = io;
  // The input ended with the previous answer.
  if (!stdin.readable) return Promise.resolve(undefined);
  const decoder = new StringDecoder('utf8');
  return new Promise((resolve) => {
    let line = '';
    const finish = (result: string | undefined, rest = '') => {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      stdin.setRawMode?.(false);
      stdin.pause();
      // Typed ahead: belongs to the next question.
      if (rest !== '') stdin.unshift(rest);
      stderr.write('\n');
      resolve(result);
    };
    const onEnd = () => finish(undefined);
    const onData = (chunk: Buffer | string) => {
      const text = typeof chunk === 'string' ? chunk : decoder.write(chunk);
      for (const [index, character] of [...text].entries()) {
        const rest = () => [...text].slice(index + 1).join('');
        if (character === '\r' || character === '\n') return finish(line, rest());
        if (character === '\u0003' || character === '\u0004') return finish(undefined);
        if (character === '\u007f' || character === '\b') line = [...line].slice(0, -1).join('');
        else if (character === '\u0015') line = '';
        else if (character >= ' ' && Buffer.byteLength(line) < maxBytes) line += character;
      }
    };
    stderr.write(fittedText(prompt, widthOf(stderr, io.env)));
    stdin.setRawMode?.(true);
    stdin.on('data', onData);
    stdin.on('end', onEnd);
    stdin.resume();
  });
}

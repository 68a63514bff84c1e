import { columnsOf } from './width.ts';

/** A number stays with its unit. */
const wordsAndBlanks = /( *)(\(?\d[\d.]* (?:ms|s|min|h|d|B|kB|MB)(?![^\s).,:;])[).,:;]*|[^ ]+)/g;

/** Text before the lines of a text. */
export interface Margins {
  /** Before the first line; default nothing. */
  readonly first?: string;
  /** Before the others; default as many spaces as the first has columns. */
  readonly rest?: string;
}

/**
 * A text in lines no wider than the terminal. Lines only end between words: a word that is wider, such as an address,
 * stays whole. Spaces within a line stay as they are.
 * @param width columns; may be infinite
 */
export function wrapped(text: string, width: number, { first = '', rest }: Margins = {}): string[] {
  const pieces = [...text.matchAll(wordsAndBlanks)].map(([, gap = '', word = '']) => ({ gap, word }));
  return fitted(pieces, width, first, rest ?? ' '.repeat(columnsOf(first)));
}

/** As {@link wrapped}, for a usage line: text in brackets stays together. */
export function wrappedUsage(text: string, width: number, { first = '', rest }: Margins = {}): string[] {
  const pieces = (text.match(/\[[^\]]*\](?:\.\.\.)?|\S+/g) ?? []).map((word) => ({ gap: ' ', word }));
  return fitted(pieces, width, first, rest ?? ' '.repeat(columnsOf(first)));
}

/** How a line can begin: spaces, a mark, the number of a choice. */
const beginning = /^ *(?:\d+ {2}|[✓✗!–→] )?/;

/** A text that is already laid out in lines: a long one continues below its own beginning. */
export function fittedText(text: string, width: number): string {
  const fit = (line: string): string => {
    const [first = ''] = beginning.exec(line) ?? [];
    const [blanks = ''] = / *$/.exec(line.slice(first.length)) ?? [];
    return wrapped(line.slice(first.length), width, { first }).join('\n') + blanks;
  };
  return text.split('\n').map(fit).join('\n');
}

/** A shell command in lines that the shell joins: all but the last end in a backslash. */
export function wrappedCommand(command: string, width: number, indent: number): string[] {
  const lines = wrapped(command, width - 2, { first: ' '.repeat(indent), rest: ' '.repeat(indent + 4) });
  return lines.map((line, at) => (at < lines.length - 1 ? `${line} \\` : line));
}

interface Piece {
  readonly gap: string;
  readonly word: string;
}

function fitted(pieces: readonly Piece[], width: number, first: string, rest: string): string[] {
  const lines: string[] = [];
  let line = first;
  let columns = columnsOf(first);
  let isEmpty = true;
  for (const { gap, word } of pieces) {
    const before = isEmpty ? '' : gap;
    const wide = columnsOf(before) + columnsOf(word);
    if (!isEmpty && columns + wide > width) {
      lines.push(line);
      line = rest + word;
      columns = columnsOf(line);
    } else {
      line += before + word;
      columns += wide;
    }
    isEmpty = false;
  }
  lines.push(line.trimEnd());
  return lines;
}

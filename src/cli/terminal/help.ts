import type { CliIo } from './io.ts';
import { columnsOf, padded, widthOf } from './width.ts';
import { wrapped, wrappedUsage } from './wrap.ts';

/** Longer lines of prose are hard to read. */
const mostColumns = 110;
/** An explanation with less room than this goes below what it explains. */
const leastColumns = 32;

const explained = /^( +)(\S(?:.*?\S)?) {2,}(\S.*)$/;

/**
 * Prints the `--help` text, fitted to the terminal.
 * @param usage laid out for a wide terminal: `Usage:` lines, paragraphs, and words followed by at least two spaces and
 * their explanation
 * @returns the exit code, 0
 */
export function showHelp({ stdout, env }: Pick<CliIo, 'stdout' | 'env'>, usage: string): 0 {
  stdout.write(fittedHelp(usage, widthOf(stdout, env)));
  return 0;
}

/** The text in lines no wider than the terminal; unchanged without a terminal. */
export function fittedHelp(usage: string, columns: number): string {
  if (columns === Number.POSITIVE_INFINITY) return usage;
  const width = Math.min(columns, mostColumns);
  const lines = usage.replace(/\n$/, '').split('\n');
  const blocks: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const end = endOfBlock(lines, at);
    blocks.push(...fittedBlock(lines.slice(at, end), width));
    at = end;
  }
  return `${blocks.join('\n')}\n`;
}

/** A block is a line with its continuation lines. */
function endOfBlock(lines: readonly string[], start: number): number {
  const first = lines[start] ?? '';
  const from = goesOnFrom(first);
  let end = start + 1;
  while (end < lines.length && from !== undefined) {
    const line = lines[end] ?? '';
    if (line.trim() === '' || indentOf(line) < from || (from === 0 && indentOf(line) > 0)) break;
    end++;
  }
  return end;
}

/** The minimum indentation of a line that continues this one. */
function goesOnFrom(line: string): number | undefined {
  if (line.trim() === '') return undefined;
  if (line.startsWith('Usage:')) return 8;
  return indentOf(line) === 0 ? 0 : indentOf(line) + 4;
}

function fittedBlock(block: readonly string[], width: number): string[] {
  const [first = '', ...more] = block;
  if (first.trim() === '') return [''];
  const text = block.map((line) => line.trim()).join(' ');
  if (first.startsWith('Usage:')) return fittedUsage(text, width);
  const indent = indentOf(first);
  if (indent === 0) return wrapped(text, width);
  const [, , word = first.trim(), explanation = ''] = explained.exec(first) ?? [];
  const column = explanation === '' ? indentOf(more[0] ?? '') : first.length - explanation.length;
  const rest = [explanation, ...more.map((line) => line.trim())].join(' ').trim();
  return fittedExplanation(' '.repeat(indent) + word, rest, column, width);
}

function fittedUsage(text: string, width: number): string[] {
  const [head = ''] = /^Usage: mailbridge \S+/.exec(text) ?? ['Usage:'];
  return wrappedUsage(text.slice(head.length), width, { first: `${head} ` });
}

function fittedExplanation(word: string, explanation: string, column: number, width: number): string[] {
  if (explanation === '') return wrapped(word.trimStart(), width, { first: '  ', rest: '  ' });
  const isNarrow = width - column < leastColumns;
  const at = isNarrow ? 6 : column;
  const margin = ' '.repeat(at);
  if (isNarrow || columnsOf(word) + 2 > column) {
    return [...wrapped(word.trimStart(), width, { first: '  ' }), ...wrapped(explanation, width, { first: margin })];
  }
  return wrapped(explanation, width, { first: padded(word, at), rest: margin });
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

import stringWidth from 'string-width';
import type { Environment } from '../../config/secrets.ts';
import type { CliOutput } from './io.ts';

const usualWidth = 80;

/**
 * Columns of a terminal stream. Infinite for other streams: there a record stays on one line, for `grep` and the like.
 */
export function widthOf(stream: CliOutput, env: Environment): number {
  if (!stream.isTTY) return Number.POSITIVE_INFINITY;
  if (stream.columns) return stream.columns;
  const told = Number(env.COLUMNS);
  return Number.isInteger(told) && told > 0 ? told : usualWidth;
}

/** Columns that a text takes: East Asian characters and emoji take two, combining marks and colours none. */
export function columnsOf(text: string): number {
  return stringWidth(text);
}

const graphemes = new Intl.Segmenter();

/** The beginning of a text, with `…` for what does not fit. @param columns at least 1 */
export function cutTo(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let width = 1;
  for (const { segment } of graphemes.segment(text)) {
    width += columnsOf(segment);
    if (width > columns) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** A text padded with spaces to a number of columns, after it or, for numbers, before it. */
export function padded(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, columns - columnsOf(text)));
  return align === 'left' ? text + blanks : blanks + text;
}

import { item, literal, paragraph, plain } from './roff.ts';

const explained = /^( +)(\S(?:.*?\S)?) {2,}(\S.*)$/;

/** The output of a command's `--help` as a part of a manual page: the usage line, then the rest. */
export function usageParts(usage: string): string[] {
  const lines = usage.replace(/\n$/, '').split('\n');
  const parts: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const end = endOfBlock(lines, at);
    const part = blockPart(lines.slice(at, end));
    if (part !== undefined) parts.push(part);
    at = end;
  }
  return parts;
}

/** A block is a line and its continuation lines, as in `src/cli/terminal/help.ts`. */
function endOfBlock(lines: readonly string[], start: number): number {
  const first = lines[start] ?? '';
  if (first.trim() === '') return start + 1;
  const isProse = indentOf(first) === 0 && !first.startsWith('Usage:');
  const least = first.startsWith('Usage:') ? 8 : indentOf(first) + 4;
  let end = start + 1;
  while (end < lines.length && (lines[end] ?? '').trim() !== '') {
    const indent = indentOf(lines[end] ?? '');
    if (isProse ? indent > 0 : indent < least) break;
    end++;
  }
  return end;
}

function blockPart(block: readonly string[]): string | undefined {
  const [first = '', ...more] = block;
  const text = block.map((line) => line.trim()).join(' ');
  if (text === '') return undefined;
  if (first.startsWith('Usage:')) return `.PP\n\\fB${plain(text.replace(/^Usage: /, ''))}\\fR`;
  if (first.startsWith('Example: ')) return `.PP\nExample:\n${literal(text.replace(/^Example: /, ''))}`;
  if (indentOf(first) === 0) return paragraph(text);
  const [, , word = first.trim(), explanation = ''] = explained.exec(first) ?? [];
  const meaning = [explanation, ...more.map((line) => line.trim())].join(' ').trim();
  return meaning === '' ? literal(first.trim()) : item(word, meaning);
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

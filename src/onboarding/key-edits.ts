import { createScanner, type Edit, type FormattingOptions, type Node } from 'jsonc-parser';

/** jsonc-parser's SyntaxKind, whose names do not exist at run time. */
const token = { comma: 5, lineComment: 12, blockComment: 13, lineBreak: 14, blanks: 15 } as const;

/**
 * Removes one key from an object. Comments stay, including those beside the key, because a person wrote them. A comment
 * between the key and its value is removed with them.
 * @param property a child of an object, from `parseTree`
 */
export function removeKey(text: string, property: Node): Edit[] {
  const [start, end] = span(property);
  const comma = commaAfter(text, end);
  const siblings = property.parent?.children ?? [];
  const before = siblings[siblings.indexOf(property) - 1];
  const commaBefore = comma === undefined && before ? commaAfter(text, span(before)[1]) : undefined;
  // A comment may come before the comma.
  const isCommaApart = comma !== undefined && text.slice(end, comma).trim() !== '';
  const removed = [wholeLine(text, start, comma === undefined || isCommaApart ? end : comma + 1)];
  if (isCommaApart) removed.push({ offset: comma, length: 1, content: '' });
  if (commaBefore !== undefined) removed.unshift({ offset: commaBefore, length: 1, content: '' });
  return removed;
}

/**
 * Adds a key after the last one of an object if a comment follows that one on its line: the comment stays with its key.
 * @returns undefined if no comment follows, or the object is empty
 */
export function addKeyBelowComment(
  text: string,
  object: Node,
  key: string,
  value: unknown,
  format: FormattingOptions,
): Edit[] | undefined {
  const last = object.children?.at(-1);
  if (!last) return undefined;
  const [start, end] = span(last);
  const comma = commaAfter(text, end);
  const lineEnd = endOfComments(text, comma === undefined ? end : comma + 1);
  if (lineEnd === undefined) return undefined;
  const indent = /^[ \t]*/.exec(text.slice(lineStart(text, start)))?.[0] ?? '';
  const eol = format.eol ?? '\n';
  const step = format.insertSpaces ? ' '.repeat(format.tabSize ?? 2) : '\t';
  const json = JSON.stringify(value, undefined, step).replaceAll('\n', `${eol}${indent}`);
  const added = `${eol}${indent}${JSON.stringify(key)}: ${json}${comma === undefined ? '' : ','}`;
  const edits = [{ offset: lineEnd, length: 0, content: added }];
  if (comma === undefined) edits.unshift({ offset: end, length: 0, content: ',' });
  return edits;
}

function span({ offset, length }: Node): [number, number] {
  return [offset, offset + length];
}

/** Position of the comma after a value, skipping comments. */
function commaAfter(text: string, end: number): number | undefined {
  const scanner = createScanner(text, true);
  scanner.setPosition(end);
  return scanner.scan() === token.comma ? scanner.getTokenOffset() : undefined;
}

/** The end of the comments that follow on the same line; undefined if there are none, or something else follows too. */
function endOfComments(text: string, from: number): number | undefined {
  const scanner = createScanner(text, false);
  scanner.setPosition(from);
  let found: number | undefined;
  for (;;) {
    const kind = scanner.scan();
    if (kind === token.lineComment || kind === token.blockComment) {
      found = scanner.getPosition();
    } else if (kind !== token.blanks) {
      return kind === token.lineBreak ? found : undefined;
    }
  }
}

function lineStart(text: string, offset: number): number {
  return Math.max(text.lastIndexOf('\n', offset - 1), text.lastIndexOf('\r', offset - 1)) + 1;
}

/** Removes a piece with the spaces after it, and its line if nothing else is on it. */
function wholeLine(text: string, start: number, end: number): Edit {
  const first = lineStart(text, start);
  const rest = /^[ \t]*/.exec(text.slice(end))?.[0].length ?? 0;
  const lineBreak = /^\r?\n/.exec(text.slice(end + rest))?.[0].length ?? 0;
  const alone = lineBreak > 0 && text.slice(first, start).trim() === '';
  return alone
    ? { offset: first, length: end + rest + lineBreak - first, content: '' }
    : { offset: start, length: end + rest - start, content: '' };
}

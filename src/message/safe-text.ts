/** Keeps host names and address literals; from anything else, only the characters they can contain, at most 255. */
export function hostToken(text: string, otherwise: string): string {
  return text.replace(/[^A-Za-z0-9.:_[\]-]/g, '').slice(0, 255) || otherwise;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unprintable = /[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g;

/** Returns foreign text on one line, fit for a header value: no control characters, at most `maxLength` characters. */
export function oneLine(text: string, maxLength = 2000): string {
  return text.slice(0, maxLength).toWellFormed().replace(unprintable, ' ').trim();
}

/** Returns foreign text for a place that allows only ASCII: every other character becomes `?`. */
export function asciiLine(text: string, maxLength?: number): string {
  return oneLine(text, maxLength).replace(/[^ -~]/gu, '?');
}

/** Tells whether text is only ASCII. */
export function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range
  return /^[\x00-\x7f]*$/.test(text);
}

/**
 * Breaks a line at its spaces into lines of up to `width` characters if possible, and anywhere after 200: RFC 5322
 * section 2.1.1 allows 998 octets, and a character can take three.
 */
export function wrapLine(line: string, width = 76): string[] {
  return wrapWords(line.split(' ').flatMap(cutLongWord), width);
}

function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of words) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  if (current !== '') lines.push(current);
  return lines;
}

function cutLongWord(word: string): string[] {
  return word.length <= 200 ? [word] : (word.match(/.{1,200}/gsu) ?? []);
}

/**
 * Formats `Name: value`, folded (RFC 5322 section 2.2.3), with its line end; some of the value is on the first line.
 * The value must come from {@link oneLine}.
 */
export function foldedField(name: string, value: string): string {
  const [first, ...words] = value.split(' ').flatMap(cutLongWord);
  return wrapWords([`${name}: ${first}`, ...words], 76)
    .join('\r\n ')
    .concat('\r\n');
}

/**
 * Characters that are invisible, or that reorder the text beside them: DEL and C1 controls, soft hyphen, fillers,
 * zero-width characters, line separators, the controls of writing direction (Unicode Standard Annex 9), variation
 * selectors except those of emoji, byte order marks, tags. `nwc.evil` after U+202E reads as `live.cwn`.
 */
const unseenSet =
  '\\u{7f}-\\u{9f}\\u{ad}\\u{34f}\\u{61c}\\u{115f}\\u{1160}\\u{17b4}\\u{17b5}\\u{180b}-\\u{180f}\\u{200b}-\\u{200f}' +
  '\\u{2028}-\\u{202e}\\u{2060}-\\u{206f}\\u{3164}\\u{fe00}-\\u{fe0d}\\u{feff}\\u{ffa0}\\u{fff0}-\\u{fffb}\\u{e0000}-\\u{e0fff}';
const unseen = new RegExp(`[${unseenSet}]`, 'gu');
const unseenOrControl = new RegExp(`[\\u{0}-\\u{1f}${unseenSet}]`, 'gu');
const unseenOrControls = new RegExp(`[\\u{0}-\\u{1f}${unseenSet}]+`, 'gu');

/** Tells whether text contains invisible characters. */
export function holdsUnseen(text: string): boolean {
  return text.search(unseen) !== -1;
}

/**
 * Returns text with each invisible character as `\u202e`, which JSON reads as that character. Tabs, line ends and ESC
 * stay.
 */
export function visible(text: string): string {
  return text.replace(unseen, escaped);
}

/** Like {@link visible}, for a line on a terminal: line ends, ESC and all other controls are escaped as well. */
export function visibleLine(text: string): string {
  return text.replace(unseenOrControl, escaped);
}

/**
 * Returns quoted foreign text, such as a server's refusal, on one line, with spaces for what {@link visibleLine}
 * escapes.
 */
export function safeLine(text: string): string {
  return text.toWellFormed().replace(unseenOrControls, ' ').replace(/\s+/g, ' ').trim();
}

/** Like {@link safeLine}, for text that may have several lines. */
export function safeText(text: string): string {
  return text.toWellFormed().replace(unseenOrControls, (run) => (run.includes('\n') ? '\n' : ' '));
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** Wraps a stream so that text is written like {@link visible}. Bytes pass through unchanged. */
export function visibleStream<T extends NodeJS.WritableStream>(stream: T): T {
  return new Proxy(stream, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== 'write') return value.bind(target);
      return (chunk: unknown, ...rest: unknown[]) =>
        Reflect.apply(value, target, [typeof chunk === 'string' ? visible(chunk) : chunk, ...rest]);
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}

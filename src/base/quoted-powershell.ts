import { BridgeError } from './errors.ts';

/**
 * Quotes a PowerShell string so that it stands for exactly this text. Nothing is expanded between single quotes. The
 * characters that end such a string are doubled, and these include the typographic quotes, which the language treats
 * like the ASCII one (about_Quoting_Rules).
 * @throws BridgeError `config-invalid` for control characters: no name or address has any, and a line break in a string
 * would break a script that is pasted line by line
 */
export function quoted(text: string): string {
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) {
    throw new BridgeError('config-invalid', 'A name or an address in the configuration holds control characters.', {
      remedy: 'Correct it in the configuration.',
    });
  }
  return `'${text.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`;
}

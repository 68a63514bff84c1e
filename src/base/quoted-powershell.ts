import { BridgeError } from './errors.ts';

/**
 * A PowerShell string that stands for exactly this text. Between single quotes nothing is expanded; what ends such a
 * string, and so is doubled, is not the ASCII quote alone (about_Quoting_Rules; the language takes the typographic ones
 * for the same).
 * @throws BridgeError `config-invalid` for control characters: no name or address has any, and a line break in the
 *   middle of a string would be read as it stands by a person who pastes the script line by line
 */
export function quoted(text: string): string {
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) {
    throw new BridgeError('config-invalid', 'A name or an address in the configuration holds control characters.', {
      remedy: 'Correct it in the configuration.',
    });
  }
  return `'${text.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`;
}

import type { HeaderField } from '../../message/header/fields.ts';
import { decodeText } from '../../message/mime/charset.ts';
import { transferDecoder } from '../../message/mime/decoders.ts';
import { decodedWords } from '../../message/mime/encodings.ts';
import type { MimePart } from '../../message/mime/part.ts';
import type { ParsedMessage } from '../fetch/parsed-message.ts';

/**
 * Returns the value of a field as people see it. Encoded words in an unknown charset are decoded, too, by guessing:
 * nobody searches for the encoded form.
 */
export function fieldText(field: HeaderField): string {
  return decodedWords(field.value(), { unknownCharset: 'guessed' });
}

/** Yields the text of every text part, with transfer encoding and charset decoded. */
export function* textsOf(message: ParsedMessage, part: MimePart = message.root): Generator<string> {
  for (const child of part.parts) yield* textsOf(message, child);
  if (part.message !== undefined) yield* textsOf(message, part.message);
  const isLeaf = part.parts.length === 0 && part.message === undefined;
  if (!isLeaf || !/^(?:text|multipart)\//.test(part.type)) return;
  const decoder = transferDecoder(part.encoding);
  const decoded = [decoder.push(message.body(part)), decoder.end()];
  yield decodeText(Buffer.concat(decoded), part.parameters.get('charset'));
}

import { decodedWords } from '../../../../message/mime/encodings.ts';
import { GraphFault } from '../../graph-error.ts';
import { bodyOf, plainTextOf } from './body-text.ts';
import type { MessageFilter } from './message-filter.ts';

/**
 * Reads `$search="words"`: whole words that must all be in subject, people or body, or, prefixed with `body:`, in the
 * body. Learn, "Use the $search query parameter". @throws GraphFault 400 together with `$filter` or `$orderby`, and for
 * text that is not quoted
 */
export function readSearch(query: URLSearchParams): MessageFilter | undefined {
  const search = query.get('$search');
  if (search === null) return undefined;
  const [, inBody, text = ''] = /^\s*"(body:)?(.*)"\s*$/is.exec(search) ?? [];
  const words = wordsOf(text);
  if (words.length === 0) throw new GraphFault(400, 'BadRequest', `Syntax error in '${search}'.`);
  if (query.has('$filter') || query.has('$orderby')) {
    const text = 'The query parameters $search and $filter or $orderby are not supported together.';
    throw new GraphFault(400, 'SearchWithFilter', text);
  }
  return (message) => {
    const people = ['from', 'to', 'cc', 'bcc'].map((name) => decodedWords(message.field(name)));
    const { contentType, content } = bodyOf(message.content);
    const body = contentType === 'html' ? plainTextOf(content) : content;
    const elsewhere = inBody === undefined ? [decodedWords(message.field('subject')), ...people] : [];
    const present = new Set(wordsOf([...elsewhere, body].join('\n')));
    return words.every((word) => present.has(word));
  };
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
}

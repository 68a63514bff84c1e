import { entraErrors } from './errors.ts';

const longestWords = 600;
/** Sentences that are no help here: the remedies say where to go. */
const idleSentence =
  /^(?:(?:Please )?(?:contact|review the documentation|see instructions|navigate|visit)\b|To learn more|For (?:more|additional) information|Learn more)/i;

/**
 * Returns the AADSTS number of an error. Some texts contain several ("AADSTS70002: Error validating credentials.
 * AADSTS50012: …"): the last known one is the most precise.
 */
export function aadstsNumber(description: string | undefined, codes: readonly number[] = []): number | undefined {
  const named = [...(description ?? '').matchAll(/AADSTS(\d{4,9})/g)].map(([, digits]) => Number(digits));
  const numbers = named.length > 0 ? named : codes;
  return numbers.findLast((number) => entraErrors.has(number)) ?? numbers[0];
}

/**
 * Returns Entra ID's text, on one line and limited in length, without the number, the IDs for support, and sentences
 * that only point to a page. Everything else stays, because the second sentence often has the fact that matters (times,
 * names, subjects).
 */
export function entraWords(description: string | undefined): string | undefined {
  const text = description
    ?.replace(/^\s*AADSTS\d+:\s*/, '')
    .split(/\s*(?:Trace ID|Correlation ID|Timestamp):/)[0]
    ?.replace(/[\s\p{C}]+/gu, ' ')
    .trim();
  if (!text) return text;
  // A full stop within a domain, a time or a version does not end a sentence; one before a space does.
  const sentences = text.split(/(?<=[.!?])\s+/);
  const kept = sentences.filter((sentence, index) => index === 0 || !idleSentence.test(sentence)).join(' ');
  return kept.length > longestWords ? `${kept.slice(0, longestWords)}…` : kept;
}

import { ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';

/** The header field that each criterion compares; undefined if it needs no header. */
const comparedFields = {
  ARRIVAL: undefined,
  CC: 'Cc',
  DATE: 'Date',
  FROM: 'From',
  SIZE: undefined,
  SUBJECT: 'Subject',
  TO: 'To',
  DISPLAYFROM: 'From',
  DISPLAYTO: 'To',
} as const;

/** A sort criterion (RFC 5256 section 3, RFC 5957). */
export interface SortCriterion {
  readonly name: keyof typeof comparedFields;
  readonly reverse: boolean;
}

/** Maximum criteria in one command; more are refused. */
const maxCriteria = 20;

/** `(REVERSE DATE SUBJECT)` */
export function parseSortCriteria(scanner: Scanner): readonly SortCriterion[] {
  const criteria = scanner.list(
    () => {
      const word = scanner.word();
      const reverse = word === 'REVERSE';
      if (reverse) scanner.space();
      const wanted = reverse ? scanner.word() : word;
      if (!isCriterion(wanted)) throw new ImapSyntaxError('Unknown SORT criterion.');
      return { name: wanted, reverse };
    },
    { allowEmpty: false },
  );
  if (criteria.length > maxCriteria) throw new ImapSyntaxError('SORT is given too many criteria.');
  return criteria;
}

function isCriterion(name: string): name is SortCriterion['name'] {
  return Object.hasOwn(comparedFields, name);
}

/** Returns the header fields that the criteria compare. */
export function sortFields(criteria: readonly SortCriterion[]): string[] {
  return [...new Set(criteria.flatMap(({ name }) => comparedFields[name] ?? []))];
}

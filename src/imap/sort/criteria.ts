import { ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';

const names = ['ARRIVAL', 'CC', 'DATE', 'FROM', 'SIZE', 'SUBJECT', 'TO', 'DISPLAYFROM', 'DISPLAYTO'] as const;

/** A sort criterion (RFC 5256 section 3, RFC 5957). */
export interface SortCriterion {
  readonly name: (typeof names)[number];
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
      const name = names.find((each) => each === wanted);
      if (name === undefined) throw new ImapSyntaxError('Unknown SORT criterion.');
      return { name, reverse };
    },
    { allowEmpty: false },
  );
  if (criteria.length > maxCriteria) throw new ImapSyntaxError('SORT is given too many criteria.');
  return criteria;
}

/** Tells whether the criteria need message headers. */
export function asksSortHeader(criteria: readonly SortCriterion[]): boolean {
  return criteria.some(({ name }) => name !== 'ARRIVAL' && name !== 'SIZE');
}

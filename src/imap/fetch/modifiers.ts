import { ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';

/** The modifiers after the items of FETCH (RFC 7162 sections 3.1.4 and 3.2.6). */
export interface FetchModifiers {
  readonly changedSince: number | undefined;
  /** Messages removed since then are reported, too. */
  readonly vanished: boolean;
}

export function parseFetchModifiers(scanner: Scanner): FetchModifiers {
  let changedSince: number | undefined;
  let vanished = false;
  if (!scanner.trySpace()) return { changedSince, vanished };
  scanner.list(
    () => {
      const word = scanner.word();
      if (word === 'VANISHED') vanished = true;
      else if (word === 'CHANGEDSINCE') {
        scanner.space();
        changedSince = scanner.modseq();
      } else throw new ImapSyntaxError('Unknown FETCH modifier.');
    },
    { allowEmpty: false },
  );
  return { changedSince, vanished };
}

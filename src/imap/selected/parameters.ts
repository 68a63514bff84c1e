import { ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';
import type { SequenceSet } from '../wire/sequence-set.ts';

/** What a client remembers of a folder and wants only news of (RFC 7162 section 3.2.5). */
export interface KnownState {
  readonly uidValidity: number;
  readonly modseq: number;
  /** Undefined: all that there can be. */
  readonly uids: SequenceSet | undefined;
}

/** What stands behind the folder's name in SELECT and EXAMINE (RFC 7162 sections 3.1.8 and 3.2.5). */
export interface SelectParameters {
  readonly condstore: boolean;
  readonly known: KnownState | undefined;
}

export function parseSelectParameters(scanner: Scanner): SelectParameters {
  let condstore = false;
  let known: KnownState | undefined;
  if (!scanner.trySpace()) return { condstore, known };
  scanner.list(
    () => {
      const word = scanner.word();
      if (word === 'CONDSTORE') condstore = true;
      else if (word === 'QRESYNC') known = parseKnown(scanner);
      else throw new ImapSyntaxError('Unknown SELECT parameter.');
    },
    { allowEmpty: false },
  );
  return { condstore, known };
}

function parseKnown(scanner: Scanner): KnownState {
  scanner.space();
  scanner.expect('(');
  const uidValidity = scanner.number();
  scanner.space();
  const modseq = scanner.modseq();
  let uids: SequenceSet | undefined;
  if (scanner.trySpace() && !scanner.ahead('(')) {
    uids = scanner.sequenceSet();
    scanner.trySpace();
  }
  if (scanner.ahead('(')) skipSequenceMatch(scanner);
  scanner.expect(')');
  return { uidValidity, modseq, uids };
}

/** Message numbers with their UIDs: they could spare work only where nothing is remembered of what was removed. */
function skipSequenceMatch(scanner: Scanner): void {
  scanner.expect('(');
  scanner.sequenceSet();
  scanner.space();
  scanner.sequenceSet();
  scanner.expect(')');
}

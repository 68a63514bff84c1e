import { ImapSyntaxError } from '../reply.ts';
import type { Scanner } from '../wire/scanner.ts';
import type { SequenceSet } from '../wire/sequence-set.ts';

/** The folder state that a client remembers; it wants only changes since then (RFC 7162 section 3.2.5). */
export interface KnownState {
  readonly uidValidity: number;
  readonly modseq: number;
  /** Undefined: all possible UIDs. */
  readonly uids: SequenceSet | undefined;
}

/** The parameters after the folder name in SELECT and EXAMINE (RFC 7162 sections 3.1.8 and 3.2.5). */
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

/** Skips message numbers with their UIDs: they could only save work if removals were not remembered. */
function skipSequenceMatch(scanner: Scanner): void {
  scanner.expect('(');
  scanner.sequenceSet();
  scanner.space();
  scanner.sequenceSet();
  scanner.expect(')');
}

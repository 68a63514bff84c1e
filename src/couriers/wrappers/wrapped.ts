import type { InUse } from '../../base/in-use.ts';
import type { Courier } from '../../queue/courier.ts';
import type { LoginOf } from '../login-of.ts';
import { type LookFirstOptions, lookFirst } from '../sent-items/look-first.ts';
import { countedInUse } from './counted-in-use.ts';
import { nullSenderFallback } from './null-sender.ts';
import { spelledOutRemedies } from './spelled-out-remedies.ts';
import type { CourierWrapper } from './wrapper.ts';

/** What the wrappers need. */
export interface WrapperParts {
  readonly inUse: InUse;
  /** Who acts for a mailbox: the person who signed in, or the mailbox itself. */
  readonly actsFor: LoginOf;
  readonly look: LookFirstOptions;
}

/** A courier with all its wrappers, the outermost first. */
export function wrapped(courier: Courier, { inUse, actsFor, look }: WrapperParts): Courier {
  const wrappers: readonly CourierWrapper[] = [
    // Outermost: the work of the other wrappers also uses the connection, which must not close under them.
    countedInUse(inUse),
    // Outside the second attempt of a notice: the final report gets its remedies once.
    spelledOutRemedies(actsFor),
    // Outside the look: a notice resent as the mailbox is also looked for before it is sent.
    nullSenderFallback,
    // Innermost: nothing that is already in Sent Items goes to the upstream.
    lookFirst(look),
  ];
  return wrappers.reduceRight((inner, wrap) => wrap(inner), courier);
}

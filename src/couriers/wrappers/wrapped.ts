import type { InUse } from '../../base/in-use.ts';
import type { Courier } from '../../queue/courier.ts';
import type { LoginOf } from '../login-of.ts';
import { type LookFirstOptions, lookFirst } from '../sent-items/look-first.ts';
import { countedInUse } from './counted-in-use.ts';
import { nullSenderFallback } from './null-sender.ts';
import { spelledOutRemedies } from './spelled-out-remedies.ts';
import type { CourierWrapper } from './wrapper.ts';

/** What the wrappers take. */
export interface WrapperParts {
  readonly inUse: InUse;
  /** Who acts for a mailbox: the person who signed in, or the mailbox itself. */
  readonly actsFor: LoginOf;
  readonly look: LookFirstOptions;
}

/** A courier with everything around it that an attempt goes through, the outermost first. */
export function wrapped(courier: Courier, { inUse, actsFor, look }: WrapperParts): Courier {
  const wrappers: readonly CourierWrapper[] = [
    // Outermost: what the others do takes the connection, too, which must not close under them.
    countedInUse(inUse),
    // Outside the second attempt of a notification: the report that is left is spelled out, once.
    spelledOutRemedies(actsFor),
    // Outside the look: whatever stands in for the null sender is looked for as well before it goes out.
    nullSenderFallback,
    // Innermost: nothing goes to the upstream that is in Sent Items already.
    lookFirst(look),
  ];
  return wrappers.reduceRight((inner, wrap) => wrap(inner), courier);
}

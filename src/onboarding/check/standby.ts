import { BridgeError } from '../../base/errors.ts';
import { couriers } from '../../couriers/registry.ts';
import type { CourierOrder } from '../../message/courier-kind.ts';
import type { Hop } from './hops/hop.ts';
import type { CheckedConnection, Use } from './subject.ts';

/** A hop whose failure also reports what happens to mail that has another courier. */
export function tellingOfOthers(hop: Hop, { accounts }: Pick<CheckedConnection, 'accounts'>, use: Use): Hop {
  if (use.kind !== 'send') return hop;
  const told = accounts.flatMap(({ username, mailbox, send }) =>
    send && send.length > 1 && send.includes(use.by) && mailbox.toLowerCase() === use.mailbox.toLowerCase()
      ? [`${username}: ${until(send, use.by)}`]
      : [],
  );
  if (told.length === 0) return hop;
  return {
    ...hop,
    run: async () => {
      try {
        return await hop.run();
      } catch (error) {
        if (!(error instanceof BridgeError)) throw error;
        const { code, message, remedy, details } = error;
        throw new BridgeError(code, message, { cause: error, details, remedy: [remedy, ...told].join('\n') });
      }
    },
  };
}

function until(order: CourierOrder, shut: CourierOrder[number]): string {
  const others = order.filter((courier) => courier !== shut).map((courier) => couriers[courier].shortName);
  const { shortName } = couriers[shut];
  return order[0] === shut
    ? `until then, ${others.join(', ')} sends all of its mail.`
    : `until then, nothing takes over while ${others.join(', ')} is unavailable, and ${shortName} does not send what ${others.join(', ')} cannot take.`;
}

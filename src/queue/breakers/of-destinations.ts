import type { Destination } from '../destination.ts';
import type { OpenDestinations } from '../open-destinations.ts';
import { Breakers, type BreakersOptions } from './breakers.ts';

/** Breakers that wake the destinations of their connections and report trouble to them. */
export function breakersOf(
  destinations: OpenDestinations,
  options: Omit<BreakersOptions, 'onRoom' | 'onOpen' | 'onOver'>,
): Breakers {
  return new Breakers({
    ...options,
    onRoom: (connection) => wakeAll(destinations.of(connection)),
    onOpen: (connection, couriers) => {
      for (const destination of destinations.of(connection)) {
        for (const courier of couriers) destination.refuseDirect(courier);
      }
    },
    onOver: (connection, { code }) => {
      for (const destination of destinations.of(connection)) destination.troubleOver(code);
    },
  });
}

/** Those without trouble first: mailboxes with trouble of their own must not take the others' turn. */
function wakeAll(destinations: Iterable<Destination>): void {
  const troubled: Destination[] = [];
  for (const destination of destinations) {
    if (destination.metTrouble) troubled.push(destination);
    else destination.wake();
  }
  for (const destination of troubled) destination.wake();
}

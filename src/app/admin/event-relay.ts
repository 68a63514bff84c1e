import type { AdminEvent, EventSink } from '../../admin/api/events/hub.ts';

/** Passes the events of a bridge's parts on to the current listeners. */
export class EventRelay implements EventSink {
  readonly #told = new Set<(event: AdminEvent) => void>();

  tell(event: AdminEvent): void {
    for (const told of this.#told) told(event);
  }

  listen(told: (event: AdminEvent) => void): () => void {
    this.#told.add(told);
    return () => void this.#told.delete(told);
  }
}

import type { AdminEvent, EventSink } from '../../admin/api/events/hub.ts';

/** Hands on what the parts of a bridge tell, to whoever listens at the time. */
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

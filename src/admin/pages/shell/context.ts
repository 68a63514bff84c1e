import { showError } from '../parts/dialog.ts';
import { notify } from '../parts/toast.ts';
import type { Api } from './api.ts';
import type { LiveEvents } from './live-events.ts';
import type { PageContext } from './page.ts';
import type { Place } from './place.ts';

export interface Surroundings {
  readonly api: Api;
  readonly events: LiveEvents;
  readonly mayOperate: boolean;
  redraw(): void;
  go: PageContext['go'];
}

/** The context of a page, and a function that ends it. */
export function pageContext(
  { api, events, mayOperate, redraw, go }: Surroundings,
  place: Place,
): { readonly context: PageContext; leave(): void } {
  const left = new AbortController();
  const { signal } = left;
  const context: PageContext = {
    api,
    place,
    mayOperate,
    signal,
    go,
    toast: notify,
    redraw() {
      if (!signal.aborted) redraw();
    },
    on: (kind, hear) => events.on(kind, hear, signal),
    every(ms, act) {
      const timer = setInterval(() => {
        if (!document.hidden) act();
      }, ms);
      signal.addEventListener('abort', () => clearInterval(timer));
    },
    run(act) {
      act().catch((error: unknown) => {
        // A user who is signed out sees the page for that.
        if ((error as { status?: number }).status !== 401) showError(error);
      });
    },
  };
  return { context, leave: () => left.abort() };
}

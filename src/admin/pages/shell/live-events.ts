/** Kinds of events that the bridge sends. */
const kinds = ['overview', 'message', 'log', 'check', 'alert'] as const;
export type LiveEventKind = (typeof kinds)[number];

export interface LiveEvents {
  /** Calls `hear` for every event of a kind, until the signal is aborted. */
  on(kind: LiveEventKind | 'open', hear: (data: unknown) => void, signal: AbortSignal): void;
  readonly isOpen: boolean;
  start(): void;
  stop(): void;
}

const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

/**
 * The bridge's events. A stream that ends is reopened after a growing wait. While the page is not visible there is no
 * stream, because browsers allow few connections to a server over all their tabs. `open` is reported each time it
 * opens: what happened before then has to be requested.
 * @param changed called when the stream opens or ends
 * @param failed called when it cannot be opened: the session may be over
 */
export function liveEvents(changed: () => void, failed: () => void): LiveEvents {
  const target = new EventTarget();
  let source: EventSource | undefined;
  let isStarted = false;
  let isOpen = false;
  let waitMs = firstWaitMs;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const tell = (open: boolean) => {
    if (isOpen === open) return;
    isOpen = open;
    changed();
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    if (!isStarted || document.hidden) return;
    source = new EventSource('/api/v1/events');
    source.onopen = () => {
      waitMs = firstWaitMs;
      tell(true);
      target.dispatchEvent(new CustomEvent('open'));
    };
    source.onerror = () => {
      close();
      tell(false);
      failed();
      timer = setTimeout(open, waitMs);
      waitMs = Math.min(waitMs * 2, longestWaitMs);
    };
    for (const kind of kinds) {
      source.addEventListener(kind, ({ data }) => {
        target.dispatchEvent(new CustomEvent(kind, { detail: parsed(data) }));
      });
    }
  };
  document.addEventListener('visibilitychange', open);
  return {
    on(kind, hear, signal) {
      target.addEventListener(kind, (event) => hear((event as CustomEvent).detail), { signal });
    },
    get isOpen() {
      return isOpen;
    },
    start() {
      isStarted = true;
      open();
    },
    stop() {
      isStarted = false;
      close();
      tell(false);
    },
  };
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** The current place in the pages: `/ui/PAGE/ID?query`. */
export interface Place {
  /** The first step below `/ui/`: `messages`; empty for the overview, which `overview` leads to as well. */
  readonly page: string;
  /** The step after it, decoded. */
  readonly id: string | undefined;
  readonly query: Readonly<Record<string, string>>;
}

export function placeOf({ pathname, search }: { readonly pathname: string; readonly search: string }): Place {
  const [page = '', id = ''] = pathname.replace(/^\/ui\/?/, '').split('/');
  return {
    page: page === 'overview' ? '' : page,
    id: id === '' ? undefined : decoded(id),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

/** Calls `go` instead of loading the page when a link to one of these pages is followed. */
export function followLinks(go: (href: string) => void): void {
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((each) => each instanceof HTMLAnchorElement);
    if (!link || link.target || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || !link.pathname.startsWith('/ui/') || link.hash) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

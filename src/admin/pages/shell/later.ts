import { troubleOf } from '../parts/trouble.ts';
import { html } from '../vendor/lit-html/lit-html.js';
import type { OpenPage, Page } from './page.ts';

/** A page whose code is loaded when it is first opened. */
export function later(title: string, load: () => Promise<OpenPage>): OpenPage {
  return (context) => {
    let page: Page | undefined;
    let error: unknown;
    load()
      .then(
        (open) => {
          if (!context.signal.aborted) page = open(context);
        },
        (cause: unknown) => {
          error = cause;
        },
      )
      .finally(() => context.redraw());
    return {
      get title() {
        return page?.title ?? title;
      },
      view: () => page?.view() ?? (error === undefined ? html`<p class="loading">Loading …</p>` : troubleOf(error)),
    };
  };
}

import { empty, troubleOf } from '../parts/trouble.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import type { OpenPage, Page } from './page.ts';

/** Pages that show something before there is a configuration. */
const untouched: ReadonlySet<string> = new Set(['set-up', 'log']);

/**
 * A page opened while no configuration was known: it says so, unless there is one by now.
 * @param name first step of its path
 * @param isSetUp asks the bridge whether there is a configuration
 */
export function beforeSetUp(name: string, title: string, open: OpenPage, isSetUp: () => Promise<boolean>): OpenPage {
  if (untouched.has(name)) return open;
  return (context) => {
    let page: Page | undefined;
    let view = (): TemplateResult => html`<p class="loading">Loading …</p>`;
    isSetUp()
      .then(
        (is) => {
          if (is && !context.signal.aborted) page = open(context);
          else view = () => empty('There is no configuration yet.', html`<a href="/ui/set-up">Set up</a>`);
        },
        (error: unknown) => {
          view = () => troubleOf(error);
        },
      )
      .finally(() => context.redraw());
    return {
      get title() {
        return page?.title ?? title;
      },
      view: () => page?.view() ?? view(),
    };
  };
}

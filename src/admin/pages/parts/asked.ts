import type { PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { troubleOf } from './trouble.ts';

/** Something requested from the bridge, with its latest answer. */
export interface Asked<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  /**
   * Requests it again. While a request is under way another one waits for it, and further ones join that. Resolves when
   * there is an answer to a request made then or later, or its failure.
   */
  ask(): Promise<void>;
  /** Takes an answer that came unrequested. */
  take(value: T): void;
  /** Shows the answer, that it is loading, or why there is none. */
  view(show: (value: T) => TemplateResult): TemplateResult;
}

/** Requests at once. The last answer stays while a new one is loading. */
export function asked<T>(context: PageContext, question: () => Promise<T>): Asked<T> {
  let value: T | undefined;
  let error: unknown;
  let isStale = false;
  let open: Promise<void> | undefined;
  const answer = async (): Promise<void> => {
    while (isStale && !context.signal.aborted) {
      isStale = false;
      try {
        value = await question();
        error = undefined;
      } catch (cause) {
        error = cause;
      }
      context.redraw();
    }
    open = undefined;
  };
  const ask = (): Promise<void> => {
    isStale = true;
    open ??= answer();
    return open;
  };
  void ask();
  return {
    get value() {
      return value;
    },
    get error() {
      return error;
    },
    ask,
    take(told) {
      value = told;
      error = undefined;
      context.redraw();
    },
    view(show) {
      const again = html`<p class="buttons"><button type="button" @click=${() => void ask()}>Try again</button></p>`;
      const failure = error === undefined ? nothing : html`${troubleOf(error)} ${again}`;
      if (value !== undefined) return html`${failure}${show(value)}`;
      return error === undefined ? html`<p class="loading">Loading …</p>` : html`${failure}`;
    },
  };
}

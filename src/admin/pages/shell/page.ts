import type { TemplateResult } from '../vendor/lit-html/lit-html.js';
import type { Api } from './api.ts';
import type { LiveEventKind } from './live-events.ts';
import type { Place } from './place.ts';

/** What a page works with until it is left. */
export interface PageContext {
  readonly api: Api;
  readonly place: Place;
  /** Whether the user may change something. */
  readonly mayOperate: boolean;
  /** Aborted when the page is left. */
  readonly signal: AbortSignal;
  /** Draws the page again, soon. */
  redraw(): void;
  /** Goes to another place: `/ui/messages/ID`. `replace` adds no step to the history. */
  go(href: string, options?: { readonly replace?: boolean }): void;
  on(kind: LiveEventKind | 'open', hear: (data: unknown) => void): void;
  /** Runs `act` repeatedly until the page is left, but only while it is visible. */
  every(ms: number, act: () => void): void;
  /** Briefly reports that something is done. */
  toast(text: string): void;
  /** Runs the action of a button; an error is shown in a dialog. */
  run(act: () => Promise<void>): void;
}

/** An open page. */
export interface Page {
  /** Title of the window and of the heading that gets the focus. */
  readonly title: string;
  view(): TemplateResult;
}

export type OpenPage = (context: PageContext) => Page;

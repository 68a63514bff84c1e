import type { TemplateResult } from '../vendor/lit-html/lit-html.js';
import type { Api } from './api.ts';
import type { LiveEventKind } from './live-events.ts';
import type { Place } from './place.ts';

/** What a page works with, until somebody leaves it. */
export interface PageContext {
  readonly api: Api;
  readonly place: Place;
  /** Whether whoever is signed in may change something. */
  readonly mayOperate: boolean;
  /** Aborted when the page is left. */
  readonly signal: AbortSignal;
  /** Draws the page again, soon. */
  redraw(): void;
  /** Goes to another place: `/ui/messages/ID`. `replace` leaves no step in the history. */
  go(href: string, options?: { readonly replace?: boolean }): void;
  on(kind: LiveEventKind | 'open', hear: (data: unknown) => void): void;
  /** Runs `act` again and again until the page is left; not while nobody sees it. */
  every(ms: number, act: () => void): void;
  /** Tells for a moment that something is done. */
  toast(text: string): void;
  /** Runs what a button is for; an error is shown in a dialog. */
  run(act: () => Promise<void>): void;
}

/** A page, open. */
export interface Page {
  /** Of the window and of the heading that gets the focus. */
  readonly title: string;
  view(): TemplateResult;
}

export type OpenPage = (context: PageContext) => Page;

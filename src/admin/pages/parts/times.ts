import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';

export { span } from './span.ts';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const year = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });

/** A moment in the reader's time, in full on hovering; a dash if there is none. */
export function moment(iso: string | null | undefined): TemplateResult | string {
  const at = iso ? new Date(iso) : undefined;
  if (!at || Number.isNaN(at.getTime())) return '–';
  return html`<time datetime=${at.toISOString()} title=${at.toISOString()}>${localText(at)}</time>`;
}

/** A day, for times that are months away. */
export function date(iso: string): TemplateResult {
  return html`<time datetime=${iso} title=${iso}>${year.format(new Date(iso))}</time>`;
}

function localText(at: Date): string {
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  return `${(at.getFullYear() === now.getFullYear() ? day : year).format(at)}, ${clock.format(at)}`;
}

/** Whole days until a moment; negative if it has passed. */
export function daysUntil(iso: string): number {
  return Math.floor((new Date(iso).getTime() - Date.now()) / 86_400_000);
}

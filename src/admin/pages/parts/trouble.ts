import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { pagePlaces, type RemedyPlace } from './page-places.ts';

export interface Trouble {
  readonly text: string;
  readonly remedy?: string | null | undefined;
  readonly code?: string | null | undefined;
  readonly severity?: 'warning' | 'error';
  readonly place?: RemedyPlace | undefined;
}

/** What is wrong, followed by what to do. */
export function trouble({ text, remedy, code, severity = 'error', place }: Trouble): TemplateResult {
  return html`<div class="trouble ${severity}">
    <p><b class="mark ${severity === 'error' ? 'bad' : 'warn'}">${severity === 'error' ? 'Error' : 'Warning'}</b>
      <span class="told">${text}</span> ${code ? html`<code class="code">${code}</code>` : nothing}</p>
    ${remedyLine(remedy, place)}
  </div>`;
}

/** What to do, if anything, and where on the pages to do it. */
export function remedyLine(remedy: string | null | undefined, place?: RemedyPlace): TemplateResult | typeof nothing {
  if (!remedy) return nothing;
  return html`<p><b>What to do:</b> <span class="told">${remedy}</span></p>${pagePlaces(remedy, place)}`;
}

/** The same for something thrown. */
export function troubleOf(error: unknown): TemplateResult {
  const { message, remedy, code } = error as { message?: string; remedy?: string; code?: string };
  return html`<div role="alert">${trouble({ text: message ?? String(error), remedy, code })}</div>`;
}

/** If there is nothing to show: why, and what to do next. */
export function empty(text: string, next?: TemplateResult | string): TemplateResult {
  return html`<div class="empty"><p>${text}</p>${next ? html`<p>${next}</p>` : nothing}</div>`;
}

import type { ShownConnectionDetail } from '../contract.ts';
import { trouble } from '../parts/trouble.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

/** Those that the accounts need against those that the tenant granted. */
export function permissions({ permissions: { needed, granted } }: ShownConnectionDetail): TemplateResult {
  const missing = granted === null ? [] : needed.filter((each) => !granted.includes(each));
  const spare = (granted ?? []).filter((each) => !needed.includes(each));
  return html`<h3>Permissions</h3>
    ${granted === null ? html`<p class="hint">Which are granted is known after the first token. Check asks for one.</p>` : nothing}
    ${missing.length > 0 ? trouble({ text: `Missing: ${missing.join(', ')}.`, remedy: 'Add them to the app registration, then an administrator follows the consent link.' }) : nothing}
    <ul class="chips">
      ${needed.map((each) => permission(each, granted))}
      ${spare.map((each) => html`<li><span class="mark none">${each}: granted, not needed</span></li>`)}
    </ul>`;
}

function permission(name: string, granted: readonly string[] | null): TemplateResult {
  if (granted === null) return html`<li><span class="mark none">${name}: needed</span></li>`;
  const isGranted = granted.includes(name);
  return html`<li><span class="mark ${isGranted ? 'good' : 'bad'}">${name}: ${isGranted ? 'granted' : 'missing'}</span></li>`;
}

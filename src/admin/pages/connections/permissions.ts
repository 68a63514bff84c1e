import type { ShownConnectionDetail } from '../contract.ts';
import { trouble } from '../parts/trouble.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

type Permissions = ShownConnectionDetail['permissions'];

/** The permissions that the accounts need, compared with those that the tenant granted. */
export function permissions({ permissions: told }: ShownConnectionDetail): TemplateResult {
  const { needed, granted, inExchange } = told;
  const missing = needed.filter((each) => standingOf(each, told) === 'missing');
  const spare = (granted ?? []).filter((each) => !needed.includes(each));
  return html`<h3>Permissions</h3>
    ${granted === null ? html`<p class="hint">The granted permissions are known after the first token. Check requests one.</p>` : nothing}
    ${missing.length > 0 ? trouble({ text: `Missing: ${missing.join(', ')}.`, remedy: 'Add them to the app registration, then an administrator follows the consent link.' }) : nothing}
    ${inExchange.length > 0 ? html`<p class="hint">${inExchangeText(inExchange)}</p>` : nothing}
    <ul class="chips">
      ${needed.map((each) => permission(each, standingOf(each, told)))}
      ${spare.map((each) => html`<li><span class="mark none">${each}: granted, not needed</span></li>`)}
    </ul>`;
}

function inExchangeText(names: readonly string[]): string {
  const them = names.length === 1 ? 'it' : 'them';
  return `${names.join(', ')}: not in Entra ID. Roles in Exchange may grant ${them} for individual mailboxes (the Exchange script does); Check tries ${them}.`;
}

const marks = { needed: 'none', granted: 'good', 'not in Entra ID': 'none', missing: 'bad' } as const;

function standingOf(name: string, { granted, inExchange }: Permissions): keyof typeof marks {
  if (granted === null) return 'needed';
  if (granted.includes(name)) return 'granted';
  // A role in Exchange appears in no token.
  return inExchange.includes(name) ? 'not in Entra ID' : 'missing';
}

function permission(name: string, standing: keyof typeof marks): TemplateResult {
  return html`<li><span class="mark ${marks[standing]}">${name}: ${standing}</span></li>`;
}

import type { ShownConnection, ShownExpiry, ShownOverview } from '../contract.ts';
import { counted } from '../parts/amounts.ts';
import type { OwnPlaces } from '../parts/page-places.ts';
import { stateMark } from '../parts/state.ts';
import { date, daysUntil } from '../parts/times.ts';
import { empty, trouble } from '../parts/trouble.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

/** A line for each connection: its state, expiry dates, what is wrong and what helps. */
export function connectionLines(connections: readonly ShownConnection[]): TemplateResult {
  if (connections.length === 0)
    return empty('There are no connections yet.', html`<a href="/ui/set-up">Set one up</a>`);
  return html`<ul class="lines">
    ${connections.map(
      (each) => html`<li>
        <div class="line"><a href="/ui/connections/${encodeURIComponent(each.name)}">${each.name}</a>
          ${stateMark(each.state)} <span class="hint">${each.grant}</span></div>
        ${each.expires.map((one) => (one.at ? html`<p class="hint">${expiry(one)}</p>` : nothing))}
        ${troubleOfConnection(each)}
      </li>`,
    )}
  </ul>`;
}

/** If the bridge has no better advice. */
const waits = 'Nothing: the bridge retries automatically. If it lasts, run Check on the page of the connection.';

/** What is wrong with a connection, if anything. */
export function troubleOfConnection(
  { name, state, text, remedy, code }: ShownConnection,
  own?: OwnPlaces,
): TemplateResult | typeof nothing {
  if (state === 'ok' || !text) return nothing;
  const severity = state === 'sign-in-needed' ? 'error' : 'warning';
  return trouble({ text, remedy: remedy ?? waits, code, severity, place: { connection: name, ...(own && { own }) } });
}

const soonDays = 30;

/** When something expires; highlighted if that is soon. */
export function expiry({ what, at }: ShownExpiry): TemplateResult {
  if (at === null) return html`${capital(what)}: no expiry date known`;
  const days = daysUntil(at);
  if (days < 0) return html`<span class="mark bad">${capital(what)} ended on ${date(at)}</span>`;
  const text = html`${capital(what)} ends on ${date(at)}, in ${counted(days, 'day')}`;
  return days < soonDays ? html`<span class="mark warn">${text}</span>` : text;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The number of accounts, and a line for each in trouble. */
export function accountsInTrouble({ total, trouble: found }: ShownOverview['accounts']): TemplateResult {
  if (total === 0) return empty('There are no accounts yet.', html`<a href="/ui/set-up">Set one up</a>`);
  const summary = found.length === 0 ? 'None is in trouble.' : `${counted(found.length, 'account')} in trouble:`;
  const line = html`<p><a href="/ui/accounts">${counted(total, 'account')}</a>. ${summary}</p>`;
  if (found.length === 0) return line;
  return html`${line}
    <ul class="lines">
      ${found.map(
        ({ username, state, text, remedy }) => html`<li>
          <div class="line"><a href="/ui/accounts/${encodeURIComponent(username)}">${username}</a> ${stateMark(state)}</div>
          ${trouble({ text, remedy: remedy ?? waits, severity: 'warning' })}
        </li>`,
      )}
    </ul>`;
}

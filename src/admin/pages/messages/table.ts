import type { ShownMessage } from '../contract.ts';
import { size } from '../parts/amounts.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { empty } from '../parts/trouble.ts';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

export interface TableChoice {
  readonly chosen: ReadonlySet<string>;
  readonly isSearch: boolean;
  readonly mayChoose: boolean;
  toggle(ids: readonly string[], on: boolean): void;
}

/** The roles are explicit because a narrow window shows rows as cards, and browsers then drop the table semantics. */
export function messageTable(messages: readonly ShownMessage[], choice: TableChoice): TemplateResult {
  if (messages.length === 0) {
    return choice.isSearch
      ? empty('No messages found.', html`<a href="/ui/messages">Show all messages</a>`)
      : empty('There are no messages yet.', html`Send one from the page of an <a href="/ui/accounts">account</a>.`);
  }
  const ids = messages.map(({ id }) => id);
  const isEvery = ids.every((id) => choice.chosen.has(id));
  return html`<table class="messages" role="table" aria-label="Messages">
    <thead role="rowgroup"><tr role="row">
      ${choice.mayChoose ? html`<th role="columnheader" class="pick">${box('Choose all shown', isEvery, (on) => choice.toggle(ids, on))}</th>` : nothing}
      ${['State', 'Subject', 'From', 'To', 'Accepted'].map((name) => html`<th role="columnheader">${name}</th>`)}
      ${['Attempts', 'Size'].map((name) => html`<th role="columnheader" class="number">${name}</th>`)}
    </tr></thead>
    <tbody role="rowgroup">${repeat(
      messages,
      ({ id }) => id,
      (message) => row(message, choice),
    )}</tbody>
  </table>`;
}

function row(message: ShownMessage, { chosen, toggle, mayChoose }: TableChoice): TemplateResult {
  const { id, state, subject, sender, recipients, receivedAt, attempts, bytes, last } = message;
  const [first] = recipients;
  const others = recipients.length - 1;
  return html`<tr role="row" class=${chosen.has(id) ? 'chosen' : nothing}>
    ${mayChoose ? html`<td role="cell" class="pick">${box(`Choose ${id}`, chosen.has(id), (on) => toggle([id], on))}</td>` : nothing}
    <td role="cell" class="state" data-label="State">${stateMark(state)}</td>
    <td role="cell" class="subject" data-label="Subject"><a href="/ui/messages/${id}">${subject || '(no subject)'}</a>
      ${last && state !== 'delivered' ? html`<span class="last">${last.text}</span>` : nothing}</td>
    <td role="cell" class="address" data-label="From">${sender === '' ? html`&lt;&gt; <span class="hint">a report</span>` : breakable(sender)}</td>
    <td role="cell" class="address to" data-label="To">${breakable(first?.address ?? '')} ${others > 0 ? html`<span class="hint">and ${others} more</span>` : nothing}</td>
    <td role="cell" class="when" data-label="Accepted">${moment(receivedAt)}</td>
    <td role="cell" class="number" data-label="Attempts">${attempts}</td>
    <td role="cell" class="number" data-label="Size">${size(bytes)}</td>
  </tr>`;
}

/** An address with too little space is broken before its domain. */
function breakable(address: string): TemplateResult {
  const at = address.lastIndexOf('@') + 1;
  return html`${address.slice(0, at)}<wbr>${address.slice(at)}`;
}

function box(label: string, isOn: boolean, change: (on: boolean) => void): TemplateResult {
  return html`<input type="checkbox" aria-label=${label} .checked=${isOn}
    @change=${(event: Event) => change((event.target as HTMLInputElement).checked)}>`;
}

import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { commandsIn, type NamedCommand } from './named-commands.ts';

/** Where a page does what a remedy names a command for. */
export interface PagePlace {
  /** The text of the button or step there. */
  readonly name: string;
  /** Goes there, or does it; left out if the name says where its button is. */
  readonly act?: () => void;
}

/** What the open page does itself, by the first words of the command. */
export type OwnPlaces = Readonly<Record<string, PagePlace | undefined>>;

/** Context in which a remedy is shown. */
export interface RemedyPlace {
  /** The connection that it is about, if the remedy does not name it. */
  readonly connection?: string | undefined;
  readonly own?: OwnPlaces;
}

const connectionButtons: Readonly<Record<string, string>> = {
  login: 'Sign in',
  consent: 'Consent link',
  'exchange-script': 'Exchange script',
  check: 'Check',
};
/** Where on the pages a command's work is done; undefined if it is not. */
function linkTo({ command, subject }: NamedCommand, { connection }: RemedyPlace): TemplateResult | undefined {
  const button = connectionButtons[command];
  if (button !== undefined) {
    const name = connection ?? subject;
    return name === undefined
      ? html`<a href="/ui/connections">Connections</a>, ${button}`
      : html`<a href="/ui/connections/${encodeURIComponent(name)}">Connection ${name}</a>, ${button}`;
  }
  if (command.startsWith('account')) return html`<a href="/ui/accounts">Accounts</a>`;
  if (!command.startsWith('queue')) return undefined;
  return command === 'queue show' && subject !== undefined
    ? html`<a href="/ui/messages/${encodeURIComponent(subject)}">Message ${subject}</a>`
    : html`<a href="/ui/messages">Messages</a>`;
}

/** Shown below a text that names terminal commands: where the pages do the same. */
export function pagePlaces(text: string, place: RemedyPlace = {}): TemplateResult | typeof nothing {
  const named = commandsIn(text);
  const own = named.flatMap(({ command }) => place.own?.[command] ?? []);
  const links = named
    .filter(({ command }) => place.own?.[command] === undefined)
    .flatMap((each) => linkTo(each, place) ?? []);
  return html`${own.length > 0 ? html`<p class="buttons places"><b>On this page:</b> ${own.map(({ name, act }) => (act ? html`<button type="button" @click=${act}>${name}</button>` : html`<span>${name}</span>`))}</p>` : nothing}
    ${links.length > 0 ? html`<p><b>On the pages:</b> ${links.map((each, at) => html`${at > 0 ? '; ' : ''}${each}`)}</p>` : nothing}`;
}

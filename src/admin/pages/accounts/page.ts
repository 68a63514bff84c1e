import type { ShownAccount, ShownAccountPage } from '../contract.ts';
import { counted } from '../parts/amounts.ts';
import { onSubmit, textField } from '../parts/fields.ts';
import { stateMark } from '../parts/state.ts';
import { empty, troubleOf } from '../parts/trouble.ts';
import { queryText } from '../shell/api.ts';
import type { OpenPage, Page, PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { openAccount } from './detail.ts';
import { invitations } from './invitations.ts';
import { lastUseText, wayText } from './texts.ts';

const pageSize = 50;

/** Who may log in, and with what. */
export const openAccounts: OpenPage = (context) => (context.place.id ? openAccount(context) : openList(context));

function openList(context: PageContext): Page {
  const { search = '' } = context.place.query;
  let accounts: readonly ShownAccount[] | undefined;
  let next: string | null = null;
  let error: unknown;
  const more = async () => {
    try {
      const after = next ?? undefined;
      const answer = await context.api.get<ShownAccountPage>('accounts', { search, limit: pageSize, after });
      accounts = [...(accounts ?? []), ...answer.accounts];
      next = answer.next;
      error = undefined;
    } catch (cause) {
      error = cause;
    }
    context.redraw();
  };
  void more();
  const invited = invitations(context);
  const find = onSubmit((values) => context.go(`/ui/accounts${queryText(values)}`, { replace: true }));
  return {
    title: 'Accounts',
    view: () => html`<form class="filters" role="search" @submit=${find}>
        ${textField({ name: 'search', label: 'Username or mailbox', type: 'search', value: search, isSearch: true })}
        <button class="primary">Search</button>
      </form>
      ${error === undefined ? nothing : troubleOf(error)}
      ${accounts === undefined ? (error === undefined ? html`<p class="loading">Loading …</p>` : nothing) : accountTable(accounts, search)}
      ${next === null && error === undefined ? nothing : html`<p class="buttons"><button type="button" @click=${() => void more()}>${error === undefined ? 'Show more' : 'Try again'}</button></p>`}
      ${invited()}`,
  };
}

/** The roles are explicit because a narrow window shows rows as cards. */
function accountTable(accounts: readonly ShownAccount[], search: string): TemplateResult {
  if (accounts.length === 0) {
    return search === ''
      ? empty('There are no accounts yet.', html`<a href="/ui/set-up">Set one up</a>`)
      : empty(`No account matches “${search}”.`, html`<a href="/ui/accounts">Show all accounts</a>`);
  }
  return html`<table role="table" aria-label="Accounts">
    <thead role="rowgroup"><tr role="row">
      ${['Username', 'State', 'Mailboxes', 'Sends, reads', 'Connection', 'Last use', 'App passwords'].map((name) => html`<th role="columnheader">${name}</th>`)}
    </tr></thead>
    <tbody role="rowgroup">${accounts.map(row)}</tbody>
  </table>`;
}

function row(account: ShownAccount): TemplateResult {
  const { username, kind, state, mailboxes, connection, appPasswords } = account;
  const [first] = mailboxes;
  return html`<tr role="row">
    <td role="cell" class="subject" data-label="Username"><a href="/ui/accounts/${encodeURIComponent(username)}">${username}</a></td>
    <td role="cell" data-label="State">${stateMark(state)}</td>
    <td role="cell" class="address" data-label="Mailboxes">${mailboxes.length > 1 ? html`${first} <span class="hint">and ${mailboxes.length - 1} more</span>` : (first ?? (kind === 'many' ? html`<span class="hint">each their own</span>` : '–'))}</td>
    <td role="cell" data-label="Sends, reads">${wayText(account)}</td>
    <td role="cell" data-label="Connection"><a href="/ui/connections/${encodeURIComponent(connection)}">${connection}</a></td>
    <td role="cell" data-label="Last use">${lastUseText(account.lastUse)}</td>
    <td role="cell" data-label="Passwords">${appPasswords === 0 ? 'none' : counted(appPasswords, 'password')}</td>
  </tr>`;
}

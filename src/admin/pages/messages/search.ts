import { onSubmit, textField } from '../parts/fields.ts';
import { queryText } from '../shell/api.ts';
import type { PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

const states = [
  ['', 'All'],
  ['queued', 'Queued'],
  ['held', 'Held'],
  ['failed', 'Failed'],
  ['quarantined', 'Quarantined'],
  ['delivered', 'Delivered'],
] as const;

type SearchQuery = Readonly<Record<string, string>>;

const rareFields = [
  ['account', 'Account'],
  ['mailbox', 'Mailbox'],
  ['connection', 'Connection'],
  ['error', 'Error code or text'],
] as const;

/** The states as links, and the search fields; the search is part of the URL. */
export function searchForm({ place, go }: PageContext): TemplateResult {
  const { query } = place;
  const { state = '' } = query;
  const search = onSubmit((values) => go(`/ui/messages${queryText({ ...values, state })}`));
  const field = (name: string, label: string, isSearch = false) =>
    textField({ name, label, value: query[name], type: 'search', isSearch });
  const time = (name: string, label: string) => textField({ name, label, value: query[name], type: 'datetime-local' });
  return html`<nav class="tabs" aria-label="State">
      ${states.map(
        ([each, name]) =>
          html`<a href="/ui/messages${queryText({ ...query, state: each })}" aria-current=${each === state ? 'true' : nothing}>${name}</a>`,
      )}
    </nav>
    <form class="filters" role="search" @submit=${search}>
      ${field('sender', 'Sender', true)} ${field('recipient', 'Recipient')} ${field('subject', 'Subject')}
      ${field('id', 'Id')} ${time('since', 'Since')} ${time('until', 'Until')}
      <details class="more" ?open=${rareFields.some(([name]) => query[name])}>
        <summary>More</summary>
        <div class="filters">${rareFields.map(([name, label]) => field(name, label))}</div>
      </details>
      <div class="buttons"><button class="primary">Search</button>
        <a class="button" href="/ui/messages${queryText({ state })}">Clear</a></div>
    </form>`;
}

/** The search in the form of an action: with lists. */
export function actionFilter(query: SearchQuery): Record<string, string | readonly string[]> {
  const { id, state, ...rest } = apiFilter(query);
  return { ...rest, ...(id && { ids: [id] }), ...(state && { states: [state] }) };
}

/** The search in the form of the API: times with their zone. */
export function apiFilter(query: SearchQuery): Record<string, string> {
  const filter: Record<string, string> = { ...query };
  for (const name of ['since', 'until']) {
    const at = new Date(query[name] ?? '');
    if (Number.isNaN(at.getTime())) delete filter[name];
    else filter[name] = at.toISOString();
  }
  return filter;
}

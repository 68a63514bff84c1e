import type { ShownMessage, ShownMessagePage } from '../contract.ts';
import { counted } from '../parts/amounts.ts';
import { troubleOf } from '../parts/trouble.ts';
import type { OpenPage, Page, PageContext } from '../shell/page.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { type Chosen, chosenActions } from './actions.ts';
import { openMessage, pauseNote } from './detail.ts';
import { actionFilter, apiFilter, searchForm } from './search.ts';
import { messageTable } from './table.ts';

const pageSize = 50;

/** Messages of the queue, and delivered ones for as long as they are kept: searched, and changed. */
export const openMessages: OpenPage = (context) => (context.place.id ? openMessage(context) : openList(context));

function openList(context: PageContext): Page {
  const list = messageList(context);
  const chosen = new Set<string>();
  let isAll = false;
  const toggle = (ids: readonly string[], on: boolean) => {
    for (const id of ids) {
      if (on) chosen.add(id);
      else chosen.delete(id);
    }
    isAll = false;
    context.redraw();
  };
  const done = async () => {
    const [first] = isAll ? [] : chosen;
    chosen.clear();
    isAll = false;
    await list.ask();
    const message = list.messages().find(({ id }) => id === first);
    return message?.state === 'queued' ? await pauseNote(context, message.id) : undefined;
  };
  const choice = (): Chosen =>
    isAll
      ? { filter: actionFilter(context.place.query), savable: [] }
      : {
          ids: [...chosen],
          savable: list
            .messages()
            .filter(isKept)
            .flatMap(({ id }) => (chosen.has(id) ? [id] : [])),
        };
  const chooseAll = (event: Event) => {
    isAll = (event.target as HTMLInputElement).checked;
    context.redraw();
  };
  context.on('message', () => list.hear());
  context.on('open', () => void list.ask());
  const bar = () =>
    chosen.size === 0
      ? html`<p class="hint bar-hint">${counted(list.messages().length, 'message')} shown, newest first.</p>`
      : html`<div class="choice" role="group" aria-label="Chosen messages">
          <b>${isAll ? 'All that the search finds' : `${counted(chosen.size, 'message')} chosen`}</b>
          ${list.hasMore() ? html`<label><input type="checkbox" .checked=${isAll} @change=${chooseAll}> all that the search finds</label>` : ''}
          ${chosenActions(context, choice(), done)}
        </div>`;
  return {
    title: 'Messages',
    view: () =>
      html`${searchForm(context)} ${list.view(
        (messages) => html`${messages.length > 0 ? bar() : ''}
      ${messageTable(messages, { chosen, toggle, isSearch: Object.keys(context.place.query).length > 0, mayChoose: context.mayOperate })}`,
      )}`,
  };
}

/** The content of delivered messages is removed. */
function isKept({ state }: ShownMessage): boolean {
  return state !== 'delivered';
}

interface MessageList {
  messages(): readonly ShownMessage[];
  hasMore(): boolean;
  ask(): Promise<void>;
  /** A message has changed. */
  hear(): void;
  view(show: (messages: readonly ShownMessage[]) => TemplateResult): TemplateResult;
}

const settleMs = 500;

/**
 * The results of a search, a page at a time. When a message changes, they are loaded again from the start, as far as
 * they were shown.
 */
function messageList(context: PageContext): MessageList {
  const filter = apiFilter(context.place.query);
  let messages: readonly ShownMessage[] = [];
  let next: string | null = null;
  let error: unknown;
  let isAsked = false;
  let isWaiting = false;
  const get = (limit: number, before?: string) =>
    context.api.get<ShownMessagePage>('messages', { ...filter, limit, ...(before && { before }) });
  const take = async (question: () => Promise<void>) => {
    try {
      await question();
      error = undefined;
    } catch (cause) {
      error = cause;
    }
    isAsked = true;
    context.redraw();
  };
  const ask = () =>
    take(async () => {
      const answer = await get(Math.min(Math.max(pageSize, messages.length), 500));
      ({ messages, next } = answer);
    });
  const more = () =>
    take(async () => {
      const answer = await get(pageSize, next ?? undefined);
      messages = [...messages, ...answer.messages];
      next = answer.next;
    });
  void ask();
  return {
    messages: () => messages,
    hasMore: () => next !== null,
    ask,
    hear() {
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(() => {
        isWaiting = false;
        if (!context.signal.aborted) void ask();
      }, settleMs);
    },
    view(show) {
      if (!isAsked) return html`<p class="loading">Loading …</p>`;
      return html`${error === undefined ? '' : troubleOf(error)} ${error !== undefined && messages.length === 0 ? '' : show(messages)}
        ${next === null ? '' : html`<p class="buttons"><button type="button" @click=${() => void more()}>Show more</button></p>`}`;
    },
  };
}

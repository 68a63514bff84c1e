import type {
  MessageAction,
  ShownAttempt,
  ShownHopOfMessage,
  ShownMessageDetail,
  ShownMessageState,
  ShownOutcome,
} from '../contract.ts';
import { counted, size } from '../parts/amounts.ts';
import { asked } from '../parts/asked.ts';
import { facts } from '../parts/fields.ts';
import { stateMark } from '../parts/state.ts';
import { moment, span } from '../parts/times.ts';
import { empty, remedyLine, trouble } from '../parts/trouble.ts';
import type { Page, PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { chosenActions } from './actions.ts';

const possible: Readonly<Record<ShownMessageState, readonly MessageAction[]>> = {
  queued: ['retry', 'hold', 'delete'],
  held: ['release', 'delete'],
  failed: ['release', 'delete'],
  quarantined: ['delete'],
  delivered: ['delete'],
};

/** One message: its way so far, every attempt with Microsoft's words, and possible actions. */
export function openMessage(context: PageContext): Page {
  const { id = '' } = context.place;
  const message = asked(context, () => context.api.get<ShownMessageDetail>(`messages/${encodeURIComponent(id)}`));
  context.on('message', (data) => {
    const changed = (data as { id?: string }).id;
    if (changed === id || message.value?.hops.some((hop) => hop.message === changed)) void message.ask();
  });
  context.on('open', () => void message.ask());
  const done = async () => {
    await message.ask();
    // A deleted message has no page.
    if ((message.error as { status?: number } | undefined)?.status === 404) context.go('/ui/messages');
    return message.value && pauseOf(message.value);
  };
  return {
    title: `Message ${id}`,
    view: () => html`<p class="back"><a href="/ui/messages">All messages</a></p>
      ${message.view(
        (
          value,
        ) => html`<div class="section-head"><p class="lead">${stateMark(value.state)} <b>${value.subject || '(no subject)'}</b></p>
          ${chosenActions(context, { ids: [id], savable: value.hasContent ? [id] : [] }, done, possible[value.state])}</div>
          ${value.waiting ? waitingLine(value.waiting) : nothing}
          ${value.damage ? trouble({ text: value.damage, remedy: 'Export what is there, then delete it.' }) : nothing}
          ${messageFacts(value)}
          <div class="columns">
            <section aria-labelledby="recipients"><h2 id="recipients">Recipients</h2>${recipients(value)}</section>
            <section aria-labelledby="hops"><h2 id="hops">Its way</h2>${way(value)}</section>
          </div>
          <section aria-labelledby="attempts"><h2 id="attempts">${counted(value.attemptLog.length, 'attempt')}</h2>
            ${value.attemptLog.length === 0 ? empty('No attempt has ended yet.') : attempts(value.attemptLog)}</section>`,
      )}`,
  };
}

/** Why a message that is due still waits; undefined if it does not. */
export async function pauseNote({ api }: PageContext, id: string): Promise<string | undefined> {
  return pauseOf(await api.get<ShownMessageDetail>(`messages/${encodeURIComponent(id)}`));
}

function pauseOf({ connection, waiting }: ShownMessageDetail): string | undefined {
  return waiting?.kind === 'breaker'
    ? `Connection ${connection} is paused: mail waits until it works again.`
    : undefined;
}

function waitingLine({ kind, until, reason }: NonNullable<ShownMessageDetail['waiting']>): TemplateResult {
  // A message whose turn it is waits for no time.
  return kind === 'concurrency'
    ? html`<p>It is being sent, or is next.</p>`
    : html`<p>Waits until ${moment(until)}: ${reason}</p>`;
}

function messageFacts(message: ShownMessageDetail): TemplateResult {
  const { sender, account, mailbox, connection, courier, messageId, bytes, receivedAt, finishedAt } = message;
  return facts([
    ['From', sender || '<> (a notice)'],
    ['Reports on', about(message)],
    ['Account', html`<a href="/ui/accounts/${encodeURIComponent(account)}">${account}</a>`],
    ['Mailbox', mailbox],
    ['Connection', html`<a href="/ui/connections/${encodeURIComponent(connection)}">${connection}</a>, by ${courier}`],
    ['Accepted', moment(receivedAt)],
    ['Finished', finishedAt ? moment(finishedAt) : undefined],
    ['Size', size(bytes)],
    ['Message-ID', messageId ? html`<code>${messageId}</code>` : undefined],
  ]);
}

/** For a notice: the message that it is about, which may be gone. */
function about({ noticeAbout }: ShownMessageDetail): TemplateResult | undefined {
  if (!noticeAbout) return undefined;
  const { id, state } = noticeAbout;
  return state ? html`${messageLink(id, id)} ${stateMark(state)}` : html`<code>${id}</code>, which is no longer kept`;
}

function messageLink(id: string, text: string): TemplateResult {
  return html`<a href="/ui/messages/${encodeURIComponent(id)}">${text}</a>`;
}

function recipients({ recipients: all }: ShownMessageDetail): TemplateResult {
  return html`<ul class="lines">
    ${all.map(({ address, state }) => html`<li class="line"><span class="address">${address}</span> ${stateMark(state)}</li>`)}
  </ul>`;
}

function way({ hops }: ShownMessageDetail): TemplateResult {
  return html`<ol class="way">
    ${hops.map((hop) => html`<li><b>${hop.what}</b> ${moment(hop.at)} ${hop.detail ? html`<p>${hopDetail(hop)}</p>` : nothing}</li>`)}
  </ol>`;
}

/** A notice has a page of its own. */
function hopDetail({ what, detail, message }: ShownHopOfMessage): TemplateResult | string {
  return what === 'notice' && message !== undefined ? messageLink(message, detail) : detail;
}

/** The remedy is shown once, at the last outcome that has one. */
function attempts(all: readonly ShownAttempt[]): readonly TemplateResult[] {
  const lastAsking = new Map<string | undefined, ShownOutcome>();
  for (const each of all.flatMap(({ outcomes }) => outcomes)) lastAsking.set(each.remedy, each);
  return all.map((each) => attempt(each, (asked) => lastAsking.get(asked.remedy) === asked));
}

function attempt(
  { startedAt, durationMs, courier, upstreamId, outcomes, passedOver }: ShownAttempt,
  tellsRemedy: (outcome: ShownOutcome) => boolean,
): TemplateResult {
  return html`<article class="attempt">
    <p class="line"><b>${moment(startedAt)}</b>
      <span>by ${courier ?? 'an unknown courier'}, ${span(durationMs)}</span>
      ${upstreamId ? html`<span class="hint">Microsoft's id <code>${upstreamId}</code></span>` : nothing}</p>
    ${passedOver.map((each) => html`<p class="hint">Not by ${each.courier}: ${each.text} <code>${each.code}</code></p>`)}
    ${outcomes.map((each) => outcome(each, tellsRemedy(each)))}
  </article>`;
}

function outcome(
  { address, state, code, text, reply, saidBy, remedy }: ShownOutcome,
  tellsRemedy: boolean,
): TemplateResult {
  return html`<div class="outcome">
    <p>${stateMark(state)} <span class="address">${address}</span> <code>${code}</code> ${text}</p>
    ${reply ? html`<figure class="words"><figcaption>${saidBy === 'microsoft' ? "Microsoft's words" : 'What happened'}</figcaption><blockquote>${reply}</blockquote></figure>` : nothing}
    ${tellsRemedy ? remedyLine(remedy) : nothing}
  </div>`;
}

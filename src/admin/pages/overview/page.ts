import type { HistoryRange, ShownHistory, ShownOverview } from '../contract.ts';
import { count, counted } from '../parts/amounts.ts';
import { asked } from '../parts/asked.ts';
import { stateMark } from '../parts/state.ts';
import { moment, span } from '../parts/times.ts';
import { trouble } from '../parts/trouble.ts';
import type { OpenPage } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { overviewPlots } from './plots.ts';
import { accountsInTrouble, connectionLines } from './states.ts';

const ranges = [
  ['hour', 'Hour'],
  ['day', 'Day'],
  ['week', 'Week'],
] as const satisfies readonly (readonly [HistoryRange, string])[];

/** The state of things: what is in trouble and what helps, the queue, the last hour, day or week. */
export const openOverview: OpenPage = (context) => {
  let range: HistoryRange = 'hour';
  const overview = asked(context, () => context.api.get<ShownOverview>('overview'));
  const history = asked(context, () => context.api.get<ShownHistory>('history', { range }));
  const plots = overviewPlots(context);
  context.on('overview', (data) => overview.take(data as ShownOverview));
  for (const kind of ['alert', 'open'] as const) context.on(kind, () => void overview.ask());
  context.on('open', () => void history.ask());
  context.every(15_000, () => {
    void overview.ask();
    void history.ask();
  });
  const choose = (chosen: HistoryRange) => {
    range = chosen;
    void history.ask();
    context.redraw();
  };
  return {
    title: 'Overview',
    view: () => html`${overview.view(summary)}
      <section aria-labelledby="history">
        <div class="section-head"><h2 id="history">History</h2>
          <div class="segments" role="group" aria-label="Time shown">
            ${ranges.map(
              ([each, name]) =>
                html`<button type="button" aria-pressed=${each === range} @click=${() => choose(each)}>${name}</button>`,
            )}
          </div></div>
        ${history.view((value) => plots(value))}
      </section>
      ${overview.view(states)}`,
  };
};

function summary({ ready, startedAt, alerts, queue, clients, connections }: ShownOverview): TemplateResult {
  const open = Object.values(clients).reduce((sum, each) => sum + each, 0);
  return html`<p class="lead">${stateMark(ready.ready ? 'ready' : 'not-ready')}
      <span>${ready.ready ? 'Accepting clients.' : ready.reasons.map(({ text }) => text).join(' ')}</span>
      <span class="hint">Running for ${span(Date.now() - new Date(startedAt).getTime())}, since ${moment(startedAt)}</span></p>
    ${queue.queued > 0 ? mailWaits(connections) : nothing}
    ${alerts.length === 0 ? nothing : alertList(alerts)}
    <ul class="tiles" aria-label="Queue and clients">
      ${tile('Queued', count(queue.queued), '/ui/messages?state=queued', queue.oldestQueuedAt ? html`oldest ${span(Date.now() - new Date(queue.oldestQueuedAt).getTime())}` : 'nothing waiting')}
      ${tile('Held', count(queue.held), '/ui/messages?state=held', queue.held > 0 ? 'until you release them' : nothing)}
      ${tile('Failed', count(queue.failed), '/ui/messages?state=failed', queue.failed > 0 ? 'given up' : nothing)}
      ${tile('Quarantined', count(queue.quarantined), '/ui/messages?state=quarantined', queue.quarantined > 0 ? 'damaged' : nothing)}
      ${tile('Delivered', count(queue.deliveredLastDay), '/ui/messages?state=delivered', 'in the last 24 hours')}
      ${tile('Clients', count(open), undefined, (['smtp', 'imap', 'pop3'] as const).map((name) => `${name.toUpperCase()}\u00a0${count(clients[name])}`).join(', '))}
    </ul>`;
}

/** The bridge still accepts mail, which must not hide that none of it is delivered. */
function mailWaits(connections: ShownOverview['connections']): TemplateResult | typeof nothing {
  const names = (wanted: string) => connections.filter(({ state }) => state === wanted).map(({ name }) => name);
  const [inTrouble, signedOut] = [names('degraded'), names('sign-in-needed')];
  const texts = [
    ...(inTrouble.length > 0 ? [`Mail of ${inTrouble.join(', ')} waits and is sent when the trouble is over.`] : []),
    ...(signedOut.length > 0 ? [`Mail of ${signedOut.join(', ')} waits until somebody signs in.`] : []),
  ];
  if (texts.length === 0) return nothing;
  return html`<p class="lead">${stateMark('degraded', 'Mail waits')} <span>${texts.join(' ')}</span></p>`;
}

function tile(name: string, value: string, href: string | undefined, note: unknown): TemplateResult {
  const content = html`<span class="name">${name}</span><span class="value">${value}</span><span class="note">${note}</span>`;
  return html`<li>${href ? html`<a href=${href}>${content}</a>` : html`<div>${content}</div>`}</li>`;
}

function alertList(alerts: ShownOverview['alerts']): TemplateResult {
  return html`<section aria-labelledby="alerts"><h2 id="alerts">${counted(alerts.length, 'alert')}</h2>
    ${alerts.map(
      ({ since, ...alert }) => html`${trouble(alert)}<p class="hint since">since ${moment(since)}</p>`,
    )}</section>`;
}

function states({ connections, accounts }: ShownOverview): TemplateResult {
  return html`<div class="columns">
    <section aria-labelledby="connections"><h2 id="connections">Connections</h2>${connectionLines(connections)}</section>
    <section aria-labelledby="accounts"><h2 id="accounts">Accounts</h2>${accountsInTrouble(accounts)}</section>
  </div>`;
}

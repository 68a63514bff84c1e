import type { ShownConnectionDetail } from '../contract.ts';
import { expiry, troubleOfConnection } from '../overview/states.ts';
import { counted } from '../parts/amounts.ts';
import { asked } from '../parts/asked.ts';
import { copyButton } from '../parts/copy.ts';
import { facts, onSubmit, textField } from '../parts/fields.ts';
import type { OwnPlaces } from '../parts/page-places.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { empty } from '../parts/trouble.ts';
import type { OpenPage, PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { type CheckRuns, checkRuns } from './check.ts';
import { showConsent } from './consent.ts';
import { showExchangeScript } from './exchange.ts';
import { permissions } from './permissions.ts';
import { signInByDevice, signInForMailbox } from './sign-in.ts';

/** App registrations and their grants: expiry dates, missing permissions, and checks. */
export const openConnections: OpenPage = (context) => {
  const { id } = context.place;
  const connections = asked(context, () => context.api.get<readonly ShownConnectionDetail[]>('connections'));
  const runs = checkRuns(context, () => void connections.ask());
  for (const kind of ['overview', 'open'] as const) context.on(kind, () => void connections.ask());
  const ask = () => void connections.ask();
  return {
    title: id === undefined ? 'Connections' : `Connection ${id}`,
    view: () => html`${id === undefined ? nothing : html`<p class="back"><a href="/ui/connections">All connections</a></p>`}
      ${connections.view((all) => {
        const shown = all.filter(({ name }) => id === undefined || name === id);
        if (shown.length === 0) return empty('There is no such connection.', html`<a href="/ui/set-up">Set one up</a>`);
        return html`${shown.map((each) => card(context, each, { runs, ask, isAlone: id !== undefined }))}`;
      })}`,
  };
};

interface Card {
  readonly runs: CheckRuns;
  readonly ask: () => void;
  readonly isAlone: boolean;
}

function card(context: PageContext, connection: ShownConnectionDetail, { runs, ask, isAlone }: Card): TemplateResult {
  const { name, state, since, grant, signIns, tenantId, clientId, cloud, expires, usedBy } = connection;
  const acts = context.mayOperate ? actsOf(context, connection, runs, ask) : undefined;
  return html`<article class="card" aria-label="Connection ${name}">
    <div class="section-head">
      <h2>${isAlone ? name : html`<a href="/ui/connections/${encodeURIComponent(name)}">${name}</a>`} ${stateMark(state)}
        ${since && state !== 'ok' ? html`<span class="hint">since ${moment(since)}</span>` : nothing}</h2>
      ${acts ? buttons(acts, runs.isRunning(name)) : nothing}
    </div>
    ${troubleOfConnection(connection, acts && toldAbove(acts))}
    ${facts([
      ['Grant', grant],
      ['Sign-ins', signIns === 'each' ? 'one for each mailbox' : undefined],
      ['Tenant', copied(tenantId, 'tenant')],
      ['Client id', copied(clientId, 'client id')],
      ['Cloud', cloud],
      ['Used by', html`<a href="/ui/accounts">${counted(usedBy, 'account')}</a>`],
      ...expires.map((each) => ['Expiry', expiry(each)] as const),
    ])}
    ${permissions(connection)} ${context.mayOperate ? mailboxToTry(connection, runs) : nothing} ${runs.view(name, acts)}
  </article>`;
}

/** Only the administrator knows which mailboxes match a pattern. */
function mailboxToTry({ name, patterns }: ShownConnectionDetail, runs: CheckRuns): TemplateResult | typeof nothing {
  if (patterns.length === 0) return nothing;
  const submit = onSubmit(({ mailbox }) => runs.start(name, mailbox));
  return html`<form class="filters" @submit=${submit}>
    ${textField({ name: 'mailbox', label: 'Mailbox to try', type: 'email', placeholder: patterns.join(', '), isRequired: true })}
    <button ?disabled=${runs.isRunning(name)}>Check the mailbox</button>
  </form>`;
}

function copied(id: string | null, what: string): TemplateResult | undefined {
  return id === null ? undefined : html`<code>${id}</code> ${copyButton(id, what)}`;
}

/** What an administrator can do with a connection, by the terminal command that does the same. */
function actsOf(context: PageContext, { name, signIns }: ShownConnectionDetail, runs: CheckRuns, ask: () => void) {
  const isEach = signIns === 'each';
  const signIn = () =>
    context.run(() =>
      isEach ? signInForMailbox(context, name, ask) : signInByDevice(context, { connection: name }, ask),
    );
  return {
    check: { name: 'Check', act: () => runs.start(name) },
    ...(signIns !== null && { login: { name: isEach ? 'Sign in a mailbox …' : 'Sign in …', act: signIn } }),
    consent: { name: 'Consent link …', act: () => context.run(() => showConsent(context, name)) },
    'exchange-script': {
      name: 'Exchange script …',
      act: () => context.run(() => showExchangeScript(context, name, isEach)),
    },
  } satisfies OwnPlaces;
}

/** Placed near the buttons themselves. */
function toldAbove(acts: ReturnType<typeof actsOf>): OwnPlaces {
  return Object.fromEntries(
    Object.entries(acts).map(([command, { name }]) => [command, { name: `${name.replace(' …', '')}, above` }]),
  );
}

function buttons({ check, ...others }: ReturnType<typeof actsOf>, isChecked: boolean): TemplateResult {
  return html`<span class="buttons">
    <button type="button" class="primary" ?disabled=${isChecked} @click=${check.act}>${check.name}</button>
    ${Object.values(others).map(({ name, act }) => html`<button type="button" @click=${act}>${name}</button>`)}
  </span>`;
}

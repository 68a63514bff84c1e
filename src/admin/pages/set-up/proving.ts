import { copyButton } from '../parts/copy.ts';
import { onSubmit, textField } from '../parts/fields.ts';
import { hopText } from '../parts/hop-text.ts';
import { pagePlaces, type RemedyPlace } from '../parts/page-places.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { remedyLine, trouble } from '../parts/trouble.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import type { SetUpWork, ShownSetting, ShownSetUpHop } from './contract.ts';
import { codeView } from './register.ts';

type ShownScriptFile = NonNullable<SetUpWork['set']['script']>;

/** The owner of the mailbox signs in. */
export function signInStep({ set, act }: SetUpWork): TemplateResult {
  const { state, shown, failure } = set.signIn;
  if (state === 'running') {
    return html`${
      shown.code
        ? codeView(shown.code, `Sign in as ${set.mailbox}, or as somebody who may use that mailbox.`)
        : html`<p role="status">${stateMark('running', 'Asking Microsoft for a code')}</p>`
    }<p><button type="button" @click=${() => act('DELETE', 'set-up/task')}>Cancel</button></p>`;
  }
  const signIn = () => act('POST', 'set-up/sign-in');
  const again = set.asksWhetherMeant ? 'Sign in as somebody else' : 'Sign in again';
  const name = set.signedInAs === undefined ? 'Sign in with a code' : again;
  const told = failure
    ? html`<div role="alert">${trouble({ ...failure, place: { own: { login: { name: `${name}, below` } } } })}</div>`
    : nothing;
  if (set.asksWhetherMeant) {
    return html`${told}
      <p role="alert">You signed in as ${set.signedInAs}; the mailbox is ${set.mailbox}. Is that intended, as for a shared mailbox?</p>
      <p class="hint">A connection has one sign-in, for all of its mailboxes.</p>
      <div class="buttons">
        <button type="button" @click=${signIn}>Sign in as somebody else</button>
        <button type="button" @click=${() => act('POST', 'set-up/sign-in/meant')}>Yes, continue</button>
      </div>`;
  }
  if (set.signedInAs !== undefined) {
    return html`${told}<p><button type="button" @click=${signIn}>Sign in again</button></p>`;
  }
  return html`<p>The person whose mailbox it is signs in once. The sign-in is stored encrypted and renewed automatically.</p>
    ${told}
    <p><button type="button" class="primary" @click=${signIn}>Sign in with a code</button></p>`;
}

/** The script for an Exchange administrator. */
export function exchangeStep({ set, act }: SetUpWork): TemplateResult {
  return html`<p>Some settings can only be made in Exchange; this script makes them. An Exchange administrator runs it, on any machine with
      PowerShell. Its last line is <code>OK</code>, or what is missing.</p>
    ${set.script ? scriptView(set.script, 'button primary') : nothing}
    <p class="hint">The change takes effect for logins after 30 minutes to 2 hours. The check waits for it.</p>
    <p><button type="button" class="primary" @click=${() => act('POST', 'set-up/exchange-script')}>It was run, continue</button></p>`;
}

/** @param link classes of the download link */
function scriptView({ file, text, runs }: ShownScriptFile, link: string): TemplateResult {
  return html`<div class="buttons">
      <a class=${link} href="/api/v1/set-up/exchange-script" download=${file}>Download ${file}</a>
      ${copyButton(text, 'the script', 'Copy the script')}
    </div>
    ${runs.map((line) => html`<p class="command"><code>${line}</code></p>`)}
    <details><summary>Show it</summary><pre>${text}</pre></details>`;
}

const scriptId = 'exchange-script';
const scriptName = 'The script for Exchange';

/** What the set-up does instead of a command. */
function placesOf({ set, act }: SetUpWork): RemedyPlace {
  const isSignedInTo = set.steps.some(({ step }) => step === 'sign-in');
  const signInAgain = () => {
    act('POST', 'set-up/sign-in');
    document.getElementById('step-sign-in')?.focus();
  };
  return {
    connection: set.questions.find(({ key }) => key === 'name')?.answer,
    own: {
      login: isSignedInTo ? { name: 'Sign in again', act: signInAgain } : undefined,
      'exchange-script': set.script && { name: scriptName, act: showScript },
      check: { name: 'Check again', act: () => act('POST', 'set-up/check', {}) },
    },
  };
}

function showScript(): void {
  const script = document.getElementById(scriptId) as HTMLDetailsElement | null;
  if (!script) return;
  script.open = true;
  script.querySelector('summary')?.focus();
}

/** Every hop, as it is tried. */
export function checkStep({ set, act }: SetUpWork): TemplateResult {
  const { state, shown, failure } = set.check;
  const { hops, running, againAt } = shown;
  const place = placesOf({ set, act });
  const isSpreading = hops.some(({ status, spreading }) => status === 'failed' && spreading);
  const skip = html`<button type="button" @click=${() => act('POST', 'set-up/check', { skip: true })}>Continue without it</button>`;
  return html`<p>Tries every hop to Microsoft, and says what is wrong and how to fix it.</p>
    <ol class="hops">${hops.map((hop) => hopView(hop, place))}${state === 'running' && running ? runningView(running) : nothing}</ol>
    ${state === 'failed' && failure ? html`<div role="alert">${trouble({ ...failure, place })}</div>` : nothing}
    ${state === 'running' ? html`<p role="status">${againAt ? stateMark('pending') : stateMark('running')} ${againAt ? html`What fails may only need time. It tries again at ${moment(againAt)}.` : 'Trying each hop …'}</p>` : nothing}
    ${set.script && isSpreading ? html`<p>The most likely cause: the script for Exchange was not run, or was run less than 2 hours ago.</p>` : nothing}
    <div class="buttons">
      ${state === 'running' ? html`<button type="button" @click=${() => act('DELETE', 'set-up/task')}>Stop</button>` : html`<button type="button" class="primary" @click=${() => act('POST', 'set-up/check', {})}>${state === 'idle' ? 'Check' : 'Check again'}</button>`}
      ${state === 'idle' ? nothing : skip}
    </div>
    ${set.script ? html`<details id=${scriptId}><summary>${scriptName}</summary>${scriptView(set.script, 'button')}</details>` : nothing}`;
}

function runningView({ hop, target }: Pick<ShownSetUpHop, 'hop' | 'target'>): TemplateResult {
  return html`<li class="running"><p class="line">${stateMark('running')} <b>${hop}</b> <span class="hint">${target}</span></p></li>`;
}

function hopView(
  { hop, target, status, detail, warning, cause, remedy, said }: ShownSetUpHop,
  place: RemedyPlace,
): TemplateResult {
  return html`<li class=${status}>
    <p class="line">${stateMark(status, status === 'ok' ? 'Works' : undefined)} <b>${hop}</b> ${target ? html`<span class="hint">${target}</span>` : nothing} ${detail === undefined ? nothing : hopText(detail, 'the next step sends one')}</p>
    ${status === 'failed' ? html`<div class="trouble failed"><p class="told">${cause} ${said ? html`<q>${said}</q>` : nothing}</p>${remedyLine(remedy, place)}</div>` : nothing}
    ${warning ? warningView(warning, place) : nothing}
  </li>`;
}

function warningView(warning: string, place: RemedyPlace): TemplateResult {
  return html`<div class="trouble warning"><p class="told">${warning}</p>${pagePlaces(warning, place)}</div>`;
}

/** A message through the bridge, followed until Microsoft has it. */
export function testStep({ set, act }: SetUpWork): TemplateResult {
  const { state, shown, failure } = set.test;
  const place = placesOf({ set, act });
  const send = onSubmit(({ to }) => act('POST', 'set-up/test', { to }));
  if (state === 'running') return html`<p role="status">${stateMark('running', 'On its way')} to ${shown.to}</p>`;
  if (set.step === 'done') return shown.warning ? warningView(shown.warning, place) : html``;
  return html`<p>Sends a small message from ${set.mailbox}, as a program would.</p>
    ${failure ? html`<div role="alert">${trouble({ ...failure, place })}</div>` : nothing}
    <form class="filters" @submit=${send}>
      ${textField({ name: 'to', label: 'To', type: 'email', value: shown.to ?? set.mailbox, isRequired: true })}
      <button class="primary">Send</button>
      <button type="button" @click=${() => act('POST', 'set-up/test', {})}>Continue without it</button>
    </form>`;
}

const securities: Readonly<Record<string, string>> = { none: 'no encryption', starttls: 'STARTTLS', tls: 'TLS' };

/** What to enter in programs. */
export function doneStep({ set }: SetUpWork): TemplateResult {
  return html`<p>Everything is in place. Programs and devices connect with:</p>
    <div class="cards">${set.settings.map((setting) => settingView(setting, set.username ?? ''))}</div>
    <p>They have to trust <a href="/api/v1/set-up/authority" download="mailbridge-ca.crt">the certificate authority of this bridge</a>,
      unless you give it your own certificate.</p>
    <p>See also <a href="/ui/accounts">Accounts</a>, and <a href="/ui/messages">Messages</a> for what is sent.</p>`;
}

function settingView({ protocol, hosts, port, security }: ShownSetting, username: string): TemplateResult {
  return html`<section class="card"><h3>${protocol.toUpperCase()}</h3><dl class="settings">
    <div><dt>Host</dt><dd><code>${hosts.join(' or ')}</code></dd></div>
    <div><dt>Port</dt><dd><code>${port}</code></dd></div>
    <div><dt>Security</dt><dd><code>${securities[security] ?? security}</code></dd></div>
    <div><dt>Username</dt><dd><code>${username}</code></dd></div>
  </dl></section>`;
}

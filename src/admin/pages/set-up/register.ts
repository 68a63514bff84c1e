import { copyButton } from '../parts/copy.ts';
import { onSubmit, textField } from '../parts/fields.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { trouble } from '../parts/trouble.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import type { SetUpWork, ShownCode, ShownRegistration } from './contract.ts';

const whatMicrosoftAsks =
  'Microsoft\'s page names the app "Microsoft Graph Command Line Tools". If it says "Need admin approval", start the sign-in again with an account that may consent.';

const below = { name: 'Sign in with a code, below' };
/** The sign-in registers the app, adds what is missing, and consents. */
const signInBelow = { 'register-app': below, consent: below, login: below };

/** An administrator signs in; the app is registered, step by step. */
export function registerStep({ set, act }: SetUpWork): TemplateResult {
  if (set.app) return set.registered.length > 0 ? progress({ steps: set.registered }) : html``;
  const { state, shown, failure } = set.registration;
  if (state === 'running') {
    return html`${shown.signedInAs ? progress(shown) : html`${invitation(shown)}<p class="hint">${whatMicrosoftAsks}</p>`}
      <p><button type="button" @click=${() => act('DELETE', 'set-up/task')}>Cancel</button></p>`;
  }
  const begin = (by: string) => act('POST', 'set-up/registration', { by });
  return html`<p>An administrator of the tenant signs in once: Cloud Application Administrator, Application Administrator or
      Privileged Role Administrator. mailbridge then makes the app registration with the permissions that this mailbox
      needs, its certificate and the consent. Nothing of the sign-in is kept.</p>
    <p class="hint">${whatMicrosoftAsks}</p>
    ${set.appNamed ? html`<p>If the tenant has an app registration named "${set.appNamed}", it is used and gets what it lacks.</p>` : nothing}
    ${failure ? html`<div role="alert">${trouble({ ...failure, place: { own: signInBelow } })}</div>` : nothing}
    ${shown.steps.length > 0 ? progress(shown) : nothing}
    <div class="buttons">
      <button type="button" class="primary" @click=${() => begin('device-code')}>Sign in with a code</button>
      <button type="button" @click=${() => begin('browser')}>Sign in in a browser of the bridge's machine</button>
    </div>
    ${byHand({ set, act })}`;
}

function invitation({ code, link }: ShownRegistration): TemplateResult {
  if (code) return codeView(code, 'Sign in as an administrator of the tenant, and accept.');
  if (link) {
    return html`<p>Open <a href=${link} target="_blank" rel="noopener">${link}</a> in a browser of the machine that
      mailbridge runs on.</p><p role="status">${stateMark('running', 'Waiting')}</p>`;
  }
  return html`<p role="status">${stateMark('running', 'Asking Microsoft for a code')}</p>`;
}

/** A code, and where to enter it. */
export function codeView({ userCode, verificationUri, expiresAt }: ShownCode, then: string): TemplateResult {
  return html`<ol class="plain">
      <li>Open <a href=${verificationUri} target="_blank" rel="noopener">${verificationUri}</a>, on any device.</li>
      <li>Enter this code: <span class="big-code">${userCode}</span> ${copyButton(userCode, 'code')}</li>
      <li>${then}</li>
    </ol>
    <p role="status">${stateMark('running', 'Waiting')} The code is valid until ${moment(expiresAt)}.</p>`;
}

const outcomes: Readonly<Record<string, string>> = {
  created: 'Made',
  added: 'Added',
  found: 'Found',
  'left-alone': 'Left alone',
};

function progress({ signedInAs, steps, waiting }: ShownRegistration): TemplateResult {
  return html`<ol class="hops">
    ${signedInAs ? html`<li>${stateMark('ok', 'Signed in')} as ${signedInAs}</li>` : nothing}
    ${steps.map(({ outcome, text }) => html`<li>${stateMark('ok', outcomes[outcome] ?? outcome)} ${isFoundApp(outcome, text) ? `the ${text} and used it.` : text}</li>`)}
    ${waiting ? html`<li class="running" role="status">${stateMark('running', 'Waiting')} ${waiting}</li>` : nothing}
  </ol>`;
}

/** Whether the registration itself already existed. */
function isFoundApp(outcome: string, text: string): boolean {
  return outcome === 'found' && text.startsWith('app registration "');
}

function byHand({ set, act }: SetUpWork): TemplateResult {
  const answer = (key: string) => set.questions.find((question) => question.key === key)?.answer ?? '';
  const isPerson = answer('sign-in') === 'person';
  const use = onSubmit(({ clientId, clientSecret }) =>
    act('POST', 'set-up/app', { clientId, ...(clientSecret && { clientSecret }) }),
  );
  return html`<details><summary>The app is registered by hand</summary>
    <form class="filters" @submit=${use}>
      ${textField({ name: 'clientId', label: 'Application (client) ID', value: answer('client-id'), isRequired: true })}
      ${isPerson ? nothing : textField({ name: 'clientSecret', label: 'Value of its client secret', type: 'password', isRequired: true })}
      <button>Use it</button>
    </form></details>`;
}

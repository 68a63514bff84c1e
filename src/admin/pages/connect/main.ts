import { copyButton } from '../parts/copy.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { troubleOf } from '../parts/trouble.ts';
import { type ApiError, apiOf } from '../shell/api.ts';
import { html, nothing, render, type TemplateResult } from '../vendor/lit-html/lit-html.js';

interface ShownServer {
  readonly host: string;
  readonly port: number;
  readonly security: string;
}

interface ShownConnect {
  readonly domains: readonly string[];
  readonly servers: Readonly<Partial<Record<'imap' | 'pop3' | 'smtp', ShownServer>>>;
  readonly hasAuthority: boolean;
}

interface ShownStart {
  readonly id: string;
  readonly userCode?: string;
  readonly verificationUri?: string;
  readonly expiresAt?: string;
  /** Instead of a code. */
  readonly url?: string;
}

interface ShownOutcome {
  readonly state: 'waiting' | 'done' | 'failed';
  readonly address?: string;
  readonly password?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly remedy: string };
}

const api = apiOf(
  () => '',
  () => {},
);
const root = document.getElementById('app') as HTMLElement;
const askEveryMs = 2_000;
/** The id of a sign-in for which the browser has left this page. */
const kept = 'mailbridge-connect';
const invitation = new URLSearchParams(location.hash.slice(1)).get('invitation');

let facts: ShownConnect | undefined;
let started: ShownStart | undefined;
let outcome: ShownOutcome | undefined;
let error: unknown;
let isBusy = false;

function draw(): void {
  render(
    html`<main class="connect"><h1 tabindex="-1">Connect a mailbox</h1>
      ${error === undefined ? nothing : troubleOf(error)}
      ${facts ? body(facts) : error === undefined ? html`<p class="loading">Loading …</p>` : nothing}</main>`,
    root,
  );
}

function body(connect: ShownConnect): TemplateResult {
  if (outcome?.state === 'done') return done(connect, outcome.address ?? '', outcome.password ?? '');
  if (started) return waiting(started);
  return html`<p>For mail programs and devices that cannot sign in to Microsoft 365 by themselves. You sign in at Microsoft
      here, once, and get a username and a password for the program.</p>
    ${connect.domains.length > 0 ? html`<p>For addresses at ${connect.domains.join(', ')}.</p>` : nothing}
    ${invitation ? html`<p>You are invited: sign in with the address that the invitation went to.</p>` : nothing}
    ${outcome?.error ? troubleOf(outcome.error) : nothing}
    <p><button type="button" class="primary" ?disabled=${isBusy} @click=${() => void begin()}>Sign in at Microsoft</button></p>
    <p class="hint">If you are asked for a code, enter only one that you requested on this page yourself. Anybody who sends you a code is after your mail.</p>`;
}

function waiting({ userCode = '', verificationUri = '', expiresAt, url }: ShownStart): TemplateResult {
  if (url !== undefined)
    return html`<p role="status">${stateMark('running', 'Waiting')} Testing your mailbox …</p>
      <p><button type="button" @click=${cancel}>Cancel</button></p>`;
  return html`<ol class="plain">
      <li>Open <a href=${verificationUri} target="_blank" rel="noopener">${verificationUri}</a>.</li>
      <li>Enter this code: <span class="big-code">${userCode}</span> ${copyButton(userCode, 'code')}</li>
      <li>Sign in with the address whose mail you want.</li>
    </ol>
    <p role="status">${stateMark('running', 'Waiting')} The code is valid until ${moment(expiresAt)}. Once you have signed in, the bridge tests your mailbox.</p>
    <p><button type="button" @click=${cancel}>Cancel</button></p>`;
}

const securities: Readonly<Record<string, string>> = { none: 'none', starttls: 'STARTTLS', tls: 'SSL/TLS' };
const names = { imap: 'Incoming mail (IMAP)', pop3: 'Incoming mail (POP3)', smtp: 'Outgoing mail (SMTP)' } as const;

function done({ servers, hasAuthority }: ShownConnect, address: string, password: string): TemplateResult {
  const profile = `/connect/mail.mobileconfig?address=${encodeURIComponent(address)}`;
  return html`<p role="status">${stateMark('ok', 'Connected')} You have signed in as <b>${address}</b>.</p>
    <dl class="settings card">
      <div><dt>Username</dt><dd><code>${address}</code>${copyButton(address, 'username')}</dd></div>
      <div><dt>Password</dt><dd><code class="big-code">${password}</code>${copyButton(password, 'password')}</dd></div>
    </dl>
    <p class="hint">The password opens only this mailbox, and is not shown again. It is not your Microsoft password.</p>
    <h2>Settings of the program</h2>
    <div class="cards">${(['imap', 'pop3', 'smtp'] as const).map((protocol) => {
      const server = servers[protocol];
      return server ? serverCard(names[protocol], server, address) : nothing;
    })}</div>
    <h2>Automatic set-up</h2>
    <ul class="plain">
      <li><b>Thunderbird</b>: enter name, address and this password; it finds everything else.</li>
      <li><b>iPhone, iPad, Mac</b>: install <a href=${profile}>the profile</a>, or point the camera at this code:
        <img class="qr" alt="QR code with the address of the profile" src="/api/v1/connect/qr?address=${encodeURIComponent(address)}"></li>
      ${hasAuthority ? html`<li>Programs must trust <a href="/connect/ca.crt">the certificate authority of this server</a>; the profile includes it.</li>` : nothing}
    </ul>
    <p><button type="button" @click=${again}>Another password</button></p>`;
}

function serverCard(title: string, { host, port, security }: ShownServer, address: string): TemplateResult {
  return html`<section class="card"><h3>${title}</h3><dl class="settings">
    <div><dt>Server</dt><dd><code>${host}</code></dd></div>
    <div><dt>Port</dt><dd><code>${port}</code></dd></div>
    <div><dt>Security</dt><dd>${securities[security] ?? security}</dd></div>
    <div><dt>Username</dt><dd><code>${address}</code></dd></div>
    <div><dt>Password</dt><dd>the one above (“normal password”)</dd></div>
  </dl></section>`;
}

function again(): void {
  started = undefined;
  outcome = undefined;
  error = undefined;
  draw();
}

/** The bridge stops polling Microsoft. If it does not get the request, the code expires. */
function cancel(): void {
  if (started) void api.send('POST', 'connect/cancel', { id: started.id }).catch(() => undefined);
  again();
}

async function begin(): Promise<void> {
  isBusy = true;
  error = undefined;
  outcome = undefined;
  draw();
  try {
    const begun = await api.send<ShownStart>('POST', 'connect/sign-ins', invitation ? { invitation } : {});
    if (begun.url !== undefined) {
      sessionStorage.setItem(kept, begun.id);
      location.assign(begun.url);
      return;
    }
    started = begun;
    void follow(started);
  } catch (cause) {
    error = cause;
  }
  isBusy = false;
  draw();
}

async function follow(start: ShownStart): Promise<void> {
  while (started === start) {
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
    if (started !== start) return;
    try {
      const told = await api.send<ShownOutcome>('POST', 'connect/outcome', { id: start.id });
      error = undefined;
      if (told.state === 'waiting') continue;
      outcome = told;
      started = undefined;
    } catch (cause) {
      // While the bridge cannot be reached, the sign-in continues.
      if ((cause as ApiError).status !== 0) started = undefined;
      error = cause;
    }
    draw();
  }
}

async function load(): Promise<void> {
  try {
    facts = await api.get<ShownConnect>('connect');
  } catch (cause) {
    error = cause;
  }
  const id = sessionStorage.getItem(kept);
  sessionStorage.removeItem(kept);
  if (id !== null) {
    started = { id, url: '' };
    void follow(started);
  }
  draw();
}

draw();
void load();

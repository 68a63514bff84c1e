import { copyButton } from '../parts/copy.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';

interface SetUpStep {
  readonly title: string;
  view(): TemplateResult;
}

const command = (text: string) => html`<p class="command"><code>${text}</code>${copyButton(text, 'command')}</p>`;

const steps: readonly SetUpStep[] = [
  {
    title: 'Configuration',
    view: () => html`<p>A few questions; the answers are written to <code>config.json</code>.</p>
      ${command('mailbridge init')}`,
  },
  {
    title: 'App registration',
    view: () => html`<p>An administrator of the tenant signs in with a code. The app gets the permissions that the
      configuration needs, a certificate, and consent.</p>
      ${command('mailbridge register-app')}`,
  },
  {
    title: 'Mailboxes',
    view: () => html`<p>For Exchange: a script for an Exchange administrator, who runs it in PowerShell. It lets the app
      open these mailboxes and no others.</p>
      ${command('mailbridge exchange-script --help')}`,
  },
  {
    title: 'Check',
    view: () => html`<p>Every hop of a connection, with what is wrong and how to fix it. The same button is on the page of
      each <a href="/ui/connections">connection</a>.</p>
      ${command('mailbridge check --wait')}`,
  },
  {
    title: 'Programs',
    view: () => html`<p>What to enter in a scanner or a mail program is on the page of each
      <a href="/ui/accounts">account</a>, with a test message to send.</p>`,
  },
];

/** The same through commands, if the pages may not write the configuration. */
export function setUpCommands(): TemplateResult {
  return html`<ol class="steps">
    ${steps.map(({ title, view }) => html`<li><h2>${title}</h2>${view()}</li>`)}
  </ol>`;
}

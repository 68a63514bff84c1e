import type { ShownAccountDetail, ShownServer } from '../contract.ts';
import { asked } from '../parts/asked.ts';
import { copyButton } from '../parts/copy.ts';
import { facts, onSubmit, textField } from '../parts/fields.ts';
import { stateMark } from '../parts/state.ts';
import { empty, trouble } from '../parts/trouble.ts';
import type { Page, PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { appPasswords } from './app-passwords.ts';
import { kindTexts, lastUseText, wayText } from './texts.ts';

/** One account: settings for a program, its app passwords, and a test message. */
export function openAccount(context: PageContext): Page {
  const { id = '' } = context.place;
  const path = `accounts/${encodeURIComponent(id)}`;
  const account = asked(context, () => context.api.get<ShownAccountDetail>(path));
  context.on('open', () => void account.ask());
  return {
    title: `Account ${id}`,
    view: () => html`<p class="back"><a href="/ui/accounts">All accounts</a></p>
      ${account.view(
        (value) => html`<p class="lead">${stateMark(value.state)}</p>
          ${value.text ? trouble({ text: value.text, remedy: value.remedy, severity: 'warning' }) : nothing}
          ${facts([
            ['Kind', kindTexts[value.kind]],
            ['Mailboxes', value.mailboxes.join(', ')],
            ['Sends by, reads by', wayText(value)],
            [
              'Connection',
              html`<a href="/ui/connections/${encodeURIComponent(value.connection)}">${value.connection}</a>`,
            ],
            ['Last use', lastUseText(value.lastUse)],
            ['Its mail', html`<a href="/ui/messages?account=${encodeURIComponent(id)}">Messages of this account</a>`],
          ])}
          <section aria-labelledby="settings"><h2 id="settings">Settings for programs</h2>${settings(value)}</section>
          <div class="columns">
            ${appPasswords(context, value, () => account.ask())}
            ${context.mayOperate && value.send ? testMessage(context, path, value) : nothing}
          </div>`,
      )}`,
  };
}

const protocols = [
  ['smtp', 'Sending (SMTP)'],
  ['imap', 'Reading (IMAP)'],
  ['pop3', 'Reading (POP3)'],
] as const;

const securities: Readonly<Record<string, string>> = { starttls: 'STARTTLS', tls: 'SSL/TLS', none: 'none' };

function settings({ settings: servers }: ShownAccountDetail): TemplateResult {
  const shown = protocols.flatMap(([key, name]) => (servers[key] ? [server(name, servers[key])] : []));
  return shown.length === 0
    ? empty('No listener serves this account.', 'Add one to listeners in the configuration.')
    : html`<div class="cards">${shown}</div>`;
}

function server(name: string, { host, port, security, username }: ShownServer): TemplateResult {
  const lines = [
    ['Server', host],
    ['Port', String(port)],
    ['Security', securities[security] ?? security],
    ['Username', username],
  ] as const;
  const all = lines.map(([each, value]) => `${each}: ${value}`).join('\n');
  return html`<article class="card" aria-label=${name}>
    <div class="section-head"><h3>${name}</h3>${copyButton(all, `all settings, ${name}`, 'Copy all')}</div>
    <dl class="settings">
      ${lines.map(([each, value]) => html`<div><dt>${each}</dt><dd><code>${value}</code>${copyButton(value, `${each}, ${name}`)}</dd></div>`)}
    </dl>
  </article>`;
}

function testMessage(context: PageContext, path: string, { mailboxes }: ShownAccountDetail): TemplateResult {
  const send = onSubmit(({ to = '' }) =>
    context.run(async () => {
      const { id } = await context.api.send<{ id: string }>('POST', `${path}/test-message`, { to });
      context.toast('The test message is queued.');
      context.go(`/ui/messages/${encodeURIComponent(id)}`);
    }),
  );
  const [own = ''] = mailboxes;
  return html`<section aria-labelledby="test"><h2 id="test">Test message</h2>
    <p class="hint">Takes the same route as any message of this account; its page opens and shows each step.</p>
    <form class="filters" @submit=${send}>
      ${textField({ name: 'to', label: 'To', type: 'email', value: own.includes('*') ? '' : own, isRequired: true })}
      <button class="primary">Send</button>
    </form></section>`;
}

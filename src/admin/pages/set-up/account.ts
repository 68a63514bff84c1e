import { copyButton } from '../parts/copy.ts';
import { stateMark } from '../parts/state.ts';
import type { PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import type { SetUpWork, ShownLogin } from './contract.ts';

/** Writes the configuration and shows the login: once, as long as the page is open. */
export function accountStep(context: PageContext, changed: () => void): (work: SetUpWork) => TemplateResult {
  let login: ShownLogin | undefined;
  const make = (path: string) =>
    context.run(async () => {
      login = await context.api.send<ShownLogin>('POST', path);
      context.redraw();
      changed();
    });
  return ({ set }) => {
    const current = set.step === 'account';
    return html`${
      current && !login
        ? html`<p>Writes connection and account into <code>${set.configFile}</code>, and makes the password that
          programs log in with. It is shown only once; the file contains its hash.</p>
        <p><button type="button" class="primary" @click=${() => make('set-up/account')}>Write the configuration</button></p>`
        : nothing
    }
      ${login ? loginView(login) : nothing}
      ${set.listeners.length > 0 ? html`<ul class="plain">${set.listeners.map((listener) => html`<li>${listenerText(listener)}</li>`)}</ul>` : nothing}
      ${set.start.state === 'running' ? html`<p role="status">${stateMark('running', 'The bridge starts')}</p>` : nothing}
      ${!current && !login && set.username ? html`<p><button type="button" @click=${() => make('set-up/account/password')}>Make another password</button></p>` : nothing}`;
  };
}

function listenerText({ protocol, port, usualPort }: SetUpWork['set']['listeners'][number]): string {
  const listens = `${protocol.toUpperCase()} listens at ${port}.`;
  return port === usualPort ? listens : `Port ${usualPort} is in use by another program; ${listens}`;
}

function loginView({ username, password }: ShownLogin): TemplateResult {
  return html`<dl class="settings">
    <div><dt>Username</dt><dd><code>${username}</code>${copyButton(username, 'username')}</dd></div>
    <div><dt>Password</dt><dd><code class="big-code">${password}</code>${copyButton(password, 'password')}</dd></div>
  </dl>
  <p class="hint">Write it down now, or enter it in the program: it is not shown again.</p>`;
}

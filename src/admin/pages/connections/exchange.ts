import type { ShownScript } from '../contract.ts';
import { copyButton } from '../parts/copy.ts';
import { openDialog } from '../parts/dialog.ts';
import { saveFile } from '../parts/saved-file.ts';
import { empty } from '../parts/trouble.ts';
import type { PageContext } from '../shell/page.ts';
import { html } from '../vendor/lit-html/lit-html.js';
import { askAddress } from './asked-address.ts';

const title = 'Exchange script';

/** Shows the script for an Exchange administrator. Asks who signs in if that is unknown. */
export async function showExchangeScript({ api }: PageContext, connection: string, isEach: boolean): Promise<void> {
  const path = `connections/${encodeURIComponent(connection)}/exchange-script`;
  let answer = await api.get<ShownScript>(path);
  if (answer.needsUser) {
    const text = isEach
      ? 'Each mailbox has its own sign-in. Which one is the script for?'
      : 'Nobody has signed in for this connection yet. Who will?';
    const user = await askAddress(title, text, isEach ? 'Mailbox' : 'Person');
    if (user === undefined) return;
    answer = await api.get<ShownScript>(path, { user });
  }
  show(answer);
}

function show({ user, script }: ShownScript): void {
  openDialog(title, (dialog) => {
    const close = html`<button type="button" @click=${() => dialog.close()}>Close</button>`;
    if (!script) return html`${empty('Exchange needs no settings.')}<div class="buttons">${close}</div>`;
    const { file, text, runs } = script;
    const save = () => saveFile(file, new Blob([text], { type: 'text/plain' }));
    return html`<p>Exchange has no page for these settings: an Exchange administrator runs the script, on any machine with
        PowerShell.${user === null ? '' : html` It is for <b>${user}</b>.`}</p>
      ${runs.map((line) => html`<p class="command"><code>${line}</code></p>`)}
      <div class="buttons">
        <button type="button" class="primary" @click=${save}>Download ${file}</button>
        ${copyButton(text, 'the script', 'Copy the script')} ${close}
      </div>
      <details><summary>Show it</summary><pre>${text}</pre></details>`;
  });
}

import { copyButton } from '../parts/copy.ts';
import { openDialog } from '../parts/dialog.ts';
import type { PageContext } from '../shell/page.ts';
import { html } from '../vendor/lit-html/lit-html.js';

/** Shows the link at which an administrator of the tenant grants what the connection needs. */
export async function showConsent({ api }: PageContext, connection: string): Promise<void> {
  const { url, urls = [url] } = await api.get<{ url: string; urls?: string[] }>(
    `connections/${encodeURIComponent(connection)}/consent`,
  );
  openDialog(
    'Consent link',
    (dialog) => html`<p>An administrator of the tenant opens ${urls.length > 1 ? 'each of these links' : 'this link'},
        signs in and accepts.</p>
      ${urls.map(
        (each) => html`<p class="command"><code>${each}</code>${copyButton(each, 'consent link')}</p>
          <p><a class="button primary" href=${each} target="_blank" rel="noopener">Open the link</a></p>`,
      )}
      <div class="buttons"><button type="button" @click=${() => dialog.close()}>Close</button></div>`,
  );
}

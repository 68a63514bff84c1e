import { copyButton } from '../parts/copy.ts';
import { openDialog } from '../parts/dialog.ts';
import type { PageContext } from '../shell/page.ts';
import { html } from '../vendor/lit-html/lit-html.js';

/** Shows the link at which an administrator of the tenant grants what the connection needs. */
export async function showConsent({ api }: PageContext, connection: string): Promise<void> {
  const { url } = await api.get<{ url: string }>(`connections/${encodeURIComponent(connection)}/consent`);
  openDialog(
    'Consent link',
    (dialog) => html`<p>An administrator of the tenant opens this link, signs in and accepts.</p>
      <p class="command"><code>${url}</code>${copyButton(url, 'consent link')}</p>
      <div class="buttons"><a class="button primary" href=${url} target="_blank" rel="noopener">Open the link</a>
        <button type="button" @click=${() => dialog.close()}>Close</button></div>`,
  );
}

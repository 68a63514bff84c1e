import type { ShownDeviceSignIn } from '../contract.ts';
import { copyButton } from '../parts/copy.ts';
import { type OpenDialog, openDialog } from '../parts/dialog.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { trouble } from '../parts/trouble.ts';
import type { PageContext } from '../shell/page.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';

interface Progress {
  readonly state: 'waiting' | 'done' | 'failed';
  readonly text?: string;
  readonly remedy?: string;
  readonly error?: { readonly message: string; readonly remedy?: string };
}

const askEveryMs = 2_000;

/** Shows the code that a person enters at Microsoft, and waits until they did. */
export async function signInByDevice(context: PageContext, connection: string, done: () => void): Promise<void> {
  const path = `connections/${encodeURIComponent(connection)}/sign-in`;
  const signIn = await context.api.send<ShownDeviceSignIn>('POST', path);
  let progress: Progress = { state: 'waiting' };
  const dialog = openDialog('Sign in with a code', (open) => signInView(signIn, progress, open));
  const timer = setInterval(() => {
    context.api
      .get<Progress>(`sign-ins/${encodeURIComponent(signIn.id)}`)
      .then((told) => {
        progress = told;
        if (told.state !== 'waiting') clearInterval(timer);
        dialog.redraw();
      })
      // The next question may be answered.
      .catch(() => undefined);
  }, askEveryMs);
  await dialog.closed;
  clearInterval(timer);
  done();
}

function signInView(signIn: ShownDeviceSignIn, progress: Progress, dialog: OpenDialog): TemplateResult {
  const { userCode, verificationUri, expiresAt } = signIn;
  const close = html`<div class="buttons"><button type="button" @click=${() => dialog.close()}>Close</button></div>`;
  if (progress.state === 'done') {
    return html`<p role="status">${stateMark('ok', 'Signed in')} ${progress.text ?? "The connection works in this person's name."}</p>${close}`;
  }
  if (progress.state === 'failed') {
    const { text, remedy } = progress.error ? { text: progress.error.message, ...progress.error } : progress;
    return html`<div role="alert">${trouble({ text: text ?? 'The sign-in failed.', remedy: remedy ?? 'Close this and sign in again.' })}</div>${close}`;
  }
  return html`<ol class="plain">
      <li>Open <a href=${verificationUri} target="_blank" rel="noopener">${verificationUri}</a>, on any device.</li>
      <li>Enter this code: <span class="big-code">${userCode}</span> ${copyButton(userCode, 'code')}</li>
      <li>Sign in as the person whose mailbox it is.</li>
    </ol>
    <p role="status">${stateMark('running', 'Waiting')} The code ends at ${moment(expiresAt)}.</p>${close}`;
}

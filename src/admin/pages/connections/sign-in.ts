import type { ShownDeviceCode, ShownSignIn } from '../contract.ts';
import { copyButton } from '../parts/copy.ts';
import { type OpenDialog, openDialog } from '../parts/dialog.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { trouble } from '../parts/trouble.ts';
import type { PageContext } from '../shell/page.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';

type Progress = Pick<ShownSignIn, 'state' | 'username' | 'error'>;

const askEveryMs = 2_000;

/**
 * Shows the code that a person enters at Microsoft, and waits until they did.
 * @param replace another person than before may sign in
 */
export async function signInByDevice(
  context: PageContext,
  connection: string,
  done: () => void,
  replace = false,
): Promise<void> {
  const path = `connections/${encodeURIComponent(connection)}/sign-in`;
  const signIn = await context.api.send<ShownDeviceCode>('POST', path, { replace });
  let isReplacing = false;
  const another = (open: OpenDialog) => {
    isReplacing = true;
    open.close();
  };
  let progress: Progress = { state: 'waiting' };
  const dialog = openDialog('Sign in with a code', (open) => signInView(signIn, progress, open, () => another(open)));
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
  if (isReplacing) await signInByDevice(context, connection, done, true);
  else done();
}

function signInView(
  signIn: ShownDeviceCode,
  progress: Progress,
  dialog: OpenDialog,
  replace: () => void,
): TemplateResult {
  const { userCode, verificationUri, expiresAt } = signIn;
  const close = html`<div class="buttons"><button type="button" @click=${() => dialog.close()}>Close</button></div>`;
  if (progress.state === 'done') {
    const text = `The connection works in the name of ${progress.username ?? 'this person'}.`;
    return html`<p role="status">${stateMark('ok', 'Signed in')} ${text}</p>${close}`;
  }
  if (progress.state === 'failed') {
    const { message = 'The sign-in failed.', remedy = 'Close this and sign in again.' } = progress.error ?? {};
    return html`<div role="alert">${trouble({ text: message, remedy })}</div>
      <div class="buttons"><button type="button" @click=${replace}>Sign in, replacing who was signed in before</button>
        <button type="button" @click=${() => dialog.close()}>Close</button></div>`;
  }
  return html`<ol class="plain">
      <li>Open <a href=${verificationUri} target="_blank" rel="noopener">${verificationUri}</a>, on any device.</li>
      <li>Enter this code: <span class="big-code">${userCode}</span> ${copyButton(userCode, 'code')}</li>
      <li>Sign in as the person whose mailbox it is.</li>
    </ol>
    <p role="status">${stateMark('running', 'Waiting')} The code ends at ${moment(expiresAt)}.</p>${close}`;
}

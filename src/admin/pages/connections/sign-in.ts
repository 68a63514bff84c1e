import type { ShownDeviceCode, ShownSignIn } from '../contract.ts';
import { copyButton } from '../parts/copy.ts';
import { type OpenDialog, openDialog } from '../parts/dialog.ts';
import { stateMark } from '../parts/state.ts';
import { moment } from '../parts/times.ts';
import { trouble } from '../parts/trouble.ts';
import type { PageContext } from '../shell/page.ts';
import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { askAddress } from './asked-address.ts';

type Progress = Pick<ShownSignIn, 'state' | 'username' | 'error'>;

const askEveryMs = 2_000;

/** What to sign in to. */
interface WantedSignIn {
  readonly connection: string;
  /** The owner of the sign-in, if each mailbox has its own. */
  readonly mailbox?: string | undefined;
  /** Another person than before may sign in. */
  readonly replace?: boolean;
}

/** Signs a person in for one mailbox, which it asks for. */
export async function signInForMailbox(context: PageContext, connection: string, done: () => void): Promise<void> {
  const text = 'Each mailbox of this connection has its own sign-in.';
  const mailbox = await askAddress('Sign in with a code', text, 'Mailbox');
  if (mailbox !== undefined) await signInByDevice(context, { connection, mailbox }, done);
}

/** Shows the code that a person enters at Microsoft, and waits until they have. */
export async function signInByDevice(context: PageContext, wanted: WantedSignIn, done: () => void): Promise<void> {
  const { connection, mailbox, replace = false } = wanted;
  const path = `connections/${encodeURIComponent(connection)}/sign-in`;
  const signIn = await context.api.send<ShownDeviceCode>('POST', path, { replace, ...(mailbox && { mailbox }) });
  let isReplacing = false;
  const another = (open: OpenDialog) => {
    isReplacing = true;
    open.close();
  };
  let progress: Progress = { state: 'waiting' };
  const dialog = openDialog('Sign in with a code', (open) =>
    signInView({ signIn, progress, mailbox }, open, () => another(open)),
  );
  const timer = setInterval(() => {
    context.api
      .get<Progress>(`sign-ins/${encodeURIComponent(signIn.id)}`)
      .then((told) => {
        progress = told;
        if (told.state !== 'waiting') clearInterval(timer);
        dialog.redraw();
      })
      // The next request may be answered.
      .catch(() => undefined);
  }, askEveryMs);
  await dialog.closed;
  clearInterval(timer);
  if (isReplacing) await signInByDevice(context, { ...wanted, replace: true }, done);
  else done();
}

const replaceName = 'Sign in, replacing who was signed in before';

interface SignInShown {
  readonly signIn: ShownDeviceCode;
  readonly progress: Progress;
  readonly mailbox: string | undefined;
}

function signInView(
  { signIn, progress, mailbox }: SignInShown,
  dialog: OpenDialog,
  replace: () => void,
): TemplateResult {
  const { userCode, verificationUri, expiresAt } = signIn;
  const close = html`<div class="buttons"><button type="button" @click=${() => dialog.close()}>Close</button></div>`;
  if (progress.state === 'done') {
    const { username = 'this person' } = progress;
    const text = mailbox ? `The mailbox ${mailbox} is opened as ${username}.` : `The connection works as ${username}.`;
    return html`<p role="status">${stateMark('ok', 'Signed in')} ${text}</p>${close}`;
  }
  if (progress.state === 'failed') {
    const { message = 'The sign-in failed.', remedy = 'Close this and sign in again.' } = progress.error ?? {};
    return html`<div role="alert">${trouble({ text: message, remedy, place: { own: { login: { name: `${replaceName}, below` } } } })}</div>
      <div class="buttons"><button type="button" @click=${replace}>${replaceName}</button>
        <button type="button" @click=${() => dialog.close()}>Close</button></div>`;
  }
  return html`<ol class="plain">
      <li>Open <a href=${verificationUri} target="_blank" rel="noopener">${verificationUri}</a>, on any device.</li>
      <li>Enter this code: <span class="big-code">${userCode}</span> ${copyButton(userCode, 'code')}</li>
      <li>Sign in as ${mailbox ?? 'the person whose mailbox it is'}.</li>
    </ol>
    <p role="status">${stateMark('running', 'Waiting')} The code is valid until ${moment(expiresAt)}.</p>${close}`;
}

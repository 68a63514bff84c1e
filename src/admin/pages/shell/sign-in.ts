import { onSubmit, textField } from '../parts/fields.ts';
import { troubleOf } from '../parts/trouble.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

export interface SignInView {
  /** Ways to sign in to this bridge: `token`, `oidc`. */
  readonly by: readonly string[];
  readonly error: unknown;
  readonly isBusy: boolean;
  signIn(token: string): void;
}

/** The page for users who are not signed in. */
export function signInPage({ by, error, isBusy, signIn }: SignInView): TemplateResult {
  const send = onSubmit(({ token = '' }) => signIn(token));
  return html`<main id="main" class="sign-in">
    <img src="/ui/icon.svg" alt="" width="48" height="48">
    <h1 tabindex="-1">Sign in to mailbridge</h1>
    ${error === undefined ? nothing : troubleOf(error)}
    <form @submit=${send}>
      ${textField({ name: 'token', label: 'Admin token', type: 'password', isRequired: true, isSearch: true })}
      <button class="primary" ?disabled=${isBusy}>Sign in</button>
    </form>
    ${by.includes('oidc') ? html`<p><a class="button" href="/api/v1/session/oidc">Sign in with your company's account</a></p>` : nothing}
    <details>
      <summary>Where is the token?</summary>
      <p>It is the value of <code>admin.token</code> in the configuration. If there is none,
        this command makes one on the machine of the bridge:</p>
      <pre>mailbridge admin token</pre>
    </details>
  </main>`;
}

import type { HttpAnswer } from '../../http/http-server.ts';
import type { AppRegistration, User } from '../../tenant/tenant.ts';
import { type AadstsError, describeError } from '../aadsts.ts';
import type { ConsentParameters } from '../consent.ts';
import { type Html, html, page } from './html.ts';

/** The code that the second factor's page accepts: there is no phone to send one to. */
export const secondFactorCode = '123456';

/** Where a sign-in's forms are posted. */
export const signInPath = '/common/login';

/** What every page of a sign-in contains. */
interface PageContext {
  /** Id of the current sign-in. */
  readonly id: string;
  readonly app: AppRegistration;
  /** What was wrong with the last form. */
  readonly problem?: string | undefined;
}

export function usernamePage({ id, app, problem }: PageContext, username = ''): HttpAnswer {
  return page(
    'Sign in',
    html`${alert(problem)}<p>to continue to ${app.displayName}</p>
${form(
  id,
  'username',
  html`<label for="username">User name</label>
<input id="username" name="username" value="${username}" autocomplete="username" autofocus required>
<button class="main" id="submit">Next</button>`,
)}`,
  );
}

export function passwordPage({ id, problem }: PageContext, username: string): HttpAnswer {
  return page(
    'Enter password',
    html`<p id="user">${username}</p>
${alert(problem)}${form(
  id,
  'password',
  html`<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" autofocus required>
<button class="main" id="submit">Sign in</button>`,
)}`,
  );
}

export function secondFactorPage({ id, problem }: PageContext, user: User): HttpAnswer {
  return page(
    'Enter code',
    html`<p id="user">${user.upn}</p>
<p>Enter the code of your authenticator app. In the simulator it is always ${secondFactorCode}.</p>
${alert(problem)}${form(
  id,
  'second-factor',
  html`<label for="code">Code</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" autofocus required>
<button class="main" id="submit">Verify</button>`,
)}`,
  );
}

export function accountPage({ id, app }: PageContext, users: readonly User[]): HttpAnswer {
  const choices = users.map(({ upn }) => html`<button class="account" name="account" value="${upn}">${upn}</button>`);
  return page(
    'Pick an account',
    html`<p>to continue to ${app.displayName}</p>
${form(id, 'account', html`${choices}<button class="account" id="other" name="account" value="">Use another account</button>`)}`,
  );
}

export function consentPage({ id, app }: PageContext, user: User, request: ConsentParameters): HttpAnswer {
  const { permissions, forOrganization } = request;
  const items = permissions.map(
    ({ type, value, displayName }) =>
      html`<li data-permission="${value}">${displayName}${type === 'Role' ? ' (without a signed-in user)' : ''}</li>`,
  );
  const checkbox =
    user.administrator && !forOrganization
      ? html`<p><label for="organization"><input type="checkbox" id="organization" name="organization" value="yes"> Consent on behalf of your organization</label></p>`
      : undefined;
  return page(
    forOrganization ? 'Permissions requested: Review for your organization' : 'Permissions requested',
    html`<p id="user">${user.upn}</p>
<p><strong id="app">${app.displayName}</strong> would like to:</p>
<ul id="permissions">${items}</ul>
${forOrganization ? html`<p>If you accept, this app gets access for all users in your organization. No one else will be prompted.</p>` : undefined}
${form(
  id,
  'consent',
  html`${checkbox}<button id="cancel" name="decision" value="cancel">Cancel</button>
<button class="main" id="accept" name="decision" value="accept">Accept</button>`,
)}`,
  );
}

export function needAdminPage({ id, app }: PageContext, user: User, error: AadstsError): HttpAnswer {
  return page(
    'Need admin approval',
    html`<p id="user">${user.upn}</p>
<p id="error" role="alert">${app.displayName} needs permission to access resources in your organization that only an admin can grant. Please ask an admin to grant permission to this app before you can use it.</p>
<p id="details">${describeError(error).text}</p>
${form(id, 'return', html`<button id="return">Return to the application without granting consent</button>`)}`,
  );
}

/** The first page of a device's sign-in. @param path where the form is posted */
export function deviceCodePage(path: string, problem: string | undefined, code: string): HttpAnswer {
  return page(
    'Enter code to allow access',
    html`<p>Once you enter the code displayed on your app or device, it will have access to your account.</p>
${alert(problem)}<form method="post" action="${path}">
<label for="otc">Code</label>
<input id="otc" name="otc" value="${code}" autocomplete="off" autofocus required>
<button class="main" id="submit">Next</button>
</form>`,
  );
}

/** The last page of a device's sign-in. */
export function deviceDonePage(app: AppRegistration): HttpAnswer {
  return page(
    app.displayName,
    html`<p id="done">You have signed in to the ${app.displayName} application on your device. You may now close this window.</p>`,
  );
}

/** The last page of a device's sign-in that the person cancelled. */
export function deviceDeclinedPage(app: AppRegistration): HttpAnswer {
  return page(
    app.displayName,
    html`<p id="done">You have cancelled signing in to the ${app.displayName} application on your device. You may now close this window.</p>`,
  );
}

/** An error that cannot be redirected. */
export function errorPage(error: AadstsError): HttpAnswer {
  return page(
    "Sorry, but we're having trouble signing you in.",
    html`<p id="error" role="alert">${describeError(error).text}</p>`,
    error.status,
  );
}

function alert(problem: string | undefined): Html | undefined {
  return problem === undefined ? undefined : html`<p id="error" role="alert">${problem}</p>\n`;
}

function form(id: string, step: string, content: Html): Html {
  return html`<form method="post" action="${signInPath}">
<input type="hidden" name="ctx" value="${id}">
<input type="hidden" name="step" value="${step}">
${content}
</form>`;
}

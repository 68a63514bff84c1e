import { randomBytes } from 'node:crypto';
import type { HttpAnswer, IncomingHttpRequest } from '../../http/http-server.ts';
import type { AppRegistration, Tenant, User } from '../../tenant/tenant.ts';
import { AadstsError } from '../aadsts.ts';
import { type ConsentParameters, recordConsent } from '../consent.ts';
import { assertMaySignIn, authenticateUser } from '../people/sign-in-policies.ts';
import { type SignedInUser, signedInNow } from '../people/signed-in.ts';
import {
  accountPage,
  consentPage,
  errorPage,
  needAdminPage,
  passwordPage,
  secondFactorCode,
  secondFactorPage,
  usernamePage,
} from './pages.ts';
import type { Sessions } from './sessions.ts';

/** The purpose of a sign-in. */
export interface SignInGoal {
  readonly app: AppRegistration;
  /** The user that the app expects. */
  readonly loginHint?: string;
  /** `none`: no page may be shown. */
  readonly prompt?: 'none' | 'login' | 'consent' | 'select_account';
  /** What must be consented to first. @throws AadstsError 90094 if the user's consent is not enough, and others */
  consentFor(user: User): ConsentParameters | undefined;
  finish(signedIn: SignedInUser): HttpAnswer;
  fail(error: AadstsError): HttpAnswer;
}

/** A sign-in in progress: what is known of the person so far. */
interface SignIn {
  readonly id: string;
  readonly goal: SignInGoal;
  username: string | undefined;
  signedIn: SignedInUser | undefined;
  consent: ConsentParameters | undefined;
}

/** The steps from "Sign in" to the goal. Each form is answered with the next page needed. */
export class SignInPages {
  readonly #tenant: Tenant;
  readonly #sessions: Sessions;
  readonly #underWay = new Map<string, SignIn>();

  constructor(tenant: Tenant, sessions: Sessions) {
    this.#tenant = tenant;
    this.#sessions = sessions;
  }

  /** Begins a sign-in: with a page, or without one if the browser's session is enough. */
  begin(request: IncomingHttpRequest, goal: SignInGoal): HttpAnswer {
    const id = randomBytes(32).toString('base64url');
    const signIn: SignIn = { id, goal, username: goal.loginHint, signedIn: undefined, consent: undefined };
    this.#underWay.set(id, signIn);
    if (goal.prompt === 'none') return this.#silently(request, signIn);
    const accounts = goal.prompt === 'login' ? [] : this.#sessions.accountsOf(request);
    const hinted = accounts.find(({ user }) => user.upn === goal.loginHint?.toLowerCase());
    const only = accounts.length === 1 && goal.loginHint === undefined ? accounts[0] : undefined;
    if (goal.prompt !== 'select_account') signIn.signedIn = hinted ?? only;
    if (signIn.signedIn) return this.#proceed(signIn);
    const mayPick = accounts.length > 0 && (goal.prompt === 'select_account' || goal.loginHint === undefined);
    const users = accounts.map(({ user }) => user);
    if (mayPick) return accountPage(context(signIn), users);
    return signIn.username ? passwordPage(context(signIn), signIn.username) : usernamePage(context(signIn));
  }

  /** Answers a form of one of the pages. */
  next(request: IncomingHttpRequest, form: URLSearchParams): HttpAnswer {
    const signIn = this.#underWay.get(form.get('ctx') ?? '');
    if (!signIn) return errorPage(AadstsError.of('50089'));
    switch (form.get('step')) {
      case 'account':
        return this.#pickAccount(request, signIn, form.get('account') ?? '');
      case 'username':
        return this.#takeUsername(signIn, form.get('username') ?? '');
      case 'password':
        return this.#takePassword(request, signIn, form.get('password') ?? '');
      case 'second-factor':
        return this.#takeSecondFactor(request, signIn, form.get('code') ?? '');
      case 'consent':
        return this.#takeConsent(signIn, form);
      default:
        return this.#end(signIn, signIn.goal.fail(AadstsError.of('90094')));
    }
  }

  #silently(request: IncomingHttpRequest, signIn: SignIn): HttpAnswer {
    const { goal } = signIn;
    const accounts = this.#sessions.accountsOf(request);
    const hint = goal.loginHint?.toLowerCase();
    const fitting = hint === undefined ? accounts : accounts.filter(({ user }) => user.upn === hint);
    const [signedIn, other] = fitting;
    const refuse = (error: AadstsError) => this.#end(signIn, goal.fail(error));
    if (!signedIn) return refuse(AadstsError.of('50058'));
    if (other) return refuse(AadstsError.of('16000'));
    if (signedIn.user.multiFactor && !signedIn.multiFactor) {
      return refuse(AadstsError.of('50076', goal.app.clientId).as('interaction_required'));
    }
    try {
      assertMaySignIn(this.#tenant, signedIn.user, goal.app);
      if (goal.consentFor(signedIn.user)) return refuse(consentMissing(goal.app));
      return this.#end(signIn, goal.finish(signedIn));
    } catch (error) {
      if (error instanceof AadstsError) return refuse(error);
      throw error;
    }
  }

  #pickAccount(request: IncomingHttpRequest, signIn: SignIn, upn: string): HttpAnswer {
    if (upn === '') return usernamePage(context(signIn));
    signIn.signedIn = this.#sessions.accountsOf(request).find(({ user }) => user.upn === upn);
    signIn.username = upn;
    return signIn.signedIn ? this.#proceed(signIn) : passwordPage(context(signIn), upn);
  }

  #takeUsername(signIn: SignIn, username: string): HttpAnswer {
    if (!this.#tenant.users.has(username.trim().toLowerCase())) {
      const problem = `We couldn't find an account with that username. Try another account. (AADSTS50034)`;
      return usernamePage(context(signIn, problem), username);
    }
    signIn.username = username.trim();
    return passwordPage(context(signIn), signIn.username);
  }

  #takePassword(request: IncomingHttpRequest, signIn: SignIn, password: string): HttpAnswer {
    const { username = '' } = signIn;
    try {
      const user = authenticateUser(this.#tenant, username, password);
      signIn.signedIn = signedInNow(this.#tenant, user, false);
      return this.#withSession(request, signIn);
    } catch (error) {
      if (!(error instanceof AadstsError)) throw error;
      return passwordPage(context(signIn, passwordProblem(error)), username);
    }
  }

  #takeSecondFactor(request: IncomingHttpRequest, signIn: SignIn, code: string): HttpAnswer {
    const { signedIn } = signIn;
    if (!signedIn) return errorPage(AadstsError.of('50089'));
    if (code.trim() !== secondFactorCode) {
      return secondFactorPage(
        context(signIn, "You didn't enter the expected verification code. (AADSTS500121)"),
        signedIn.user,
      );
    }
    signIn.signedIn = signedInNow(this.#tenant, signedIn.user, true);
    return this.#withSession(request, signIn);
  }

  /** Continues, and remembers the person in this browser. */
  #withSession(request: IncomingHttpRequest, signIn: SignIn): HttpAnswer {
    const answer = this.#proceed(signIn);
    const { signedIn } = signIn;
    if (!signedIn || needsSecondFactor(signedIn)) return answer;
    return { ...answer, headers: { ...answer.headers, 'Set-Cookie': this.#sessions.remember(request, signedIn) } };
  }

  #proceed(signIn: SignIn): HttpAnswer {
    const { goal, signedIn } = signIn;
    if (!signedIn) return usernamePage(context(signIn));
    if (needsSecondFactor(signedIn)) return secondFactorPage(context(signIn), signedIn.user);
    try {
      assertMaySignIn(this.#tenant, signedIn.user, goal.app);
      signIn.consent = goal.consentFor(signedIn.user);
    } catch (error) {
      if (!(error instanceof AadstsError)) throw error;
      if (error.code === '90094') return needAdminPage(context(signIn), signedIn.user, error);
      return this.#end(signIn, goal.fail(error));
    }
    if (signIn.consent) return consentPage(context(signIn), signedIn.user, signIn.consent);
    return this.#end(signIn, goal.finish(signedIn));
  }

  #takeConsent(signIn: SignIn, form: URLSearchParams): HttpAnswer {
    const { goal, signedIn, consent } = signIn;
    if (!signedIn || !consent) return errorPage(AadstsError.of('50089'));
    if (form.get('decision') !== 'accept') return this.#end(signIn, goal.fail(AadstsError.of('65004')));
    const forAll = consent.forOrganization || (signedIn.user.administrator && form.get('organization') === 'yes');
    recordConsent(goal.app, consent.permissions, forAll ? undefined : signedIn.user);
    return this.#end(signIn, goal.finish(signedIn));
  }

  #end(signIn: SignIn, answer: HttpAnswer): HttpAnswer {
    this.#underWay.delete(signIn.id);
    return answer;
  }
}

function context({ id, goal }: SignIn, problem?: string) {
  return { id, app: goal.app, problem };
}

function consentMissing({ clientId, displayName }: AppRegistration): AadstsError {
  return AadstsError.of('65001', clientId, displayName).as('consent_required');
}

function needsSecondFactor({ user, multiFactor }: SignedInUser): boolean {
  return user.multiFactor && !multiFactor;
}

function passwordProblem(error: AadstsError): string {
  if (error.code === '50126') return 'Your account or password is incorrect. (AADSTS50126)';
  return `${error.message} (AADSTS${error.code})`;
}

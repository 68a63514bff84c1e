import { createHash, randomUUID } from 'node:crypto';
import { noteSecret, type SecretKind } from '../support/secret-search/record.ts';
import { entraErrorAnswer } from './entra/error-answer.ts';

export const alice = {
  username: 'alice@contoso.com',
  password: 'Pa55 w/ord+ü&%',
  objectId: '0a0a0a0a-1111-4222-8333-444444444444',
  homeTenantId: '8eaef023-2b34-4da1-9baa-8bc8c9d6a490',
};

type Answer = readonly [status: number, body: Record<string, unknown>];

/**
 * Entra ID's flows for a person, as its documents describe them: "OAuth 2.0 device authorization grant flow", "OAuth
 * 2.0 authorization code flow", "OAuth 2.0 Resource Owner Password Credentials", "Refresh tokens".
 */
export class FakeEntraPeople {
  /** The device code flow's answers to the next polls, one each; when none is left, the person has signed in. */
  readonly polls: (Answer | 'authorization_pending' | 'slow_down')[] = [];
  /** Short names of the scopes consented to. */
  readonly consented = new Set(['IMAP.AccessAsUser.All', 'POP.AccessAsUser.All', 'SMTP.Send', 'Mail.Send']);
  /** Every refresh token, device code, authorization code and verifier that was used or given out. */
  readonly secrets: string[] = [];
  /** Answers of the token endpoint that replace the usual one, one each, only for a person's grants. */
  readonly refusals: Answer[] = [];
  /** `interval` of a device code, in seconds. */
  interval: number | undefined = 5;
  /** Whether a refresh token works only once. Entra ID is not that strict, but it exposes a store that loses one. */
  singleUse = false;
  readonly #refreshTokens = new Set<string>();
  readonly #codes = new Map<string, { challenge: string; redirectUri: string }>();
  #deviceCode = '';

  /** Leaves out the lifetime of a device code. */
  answersWithoutLifetime = false;

  /** POST …/devicecode */
  deviceCode(form: URLSearchParams): Answer {
    if (form.has('client_secret')) return refused(700025, 'invalid_client', 'Client is public so a secret is wrong.');
    const refusal = this.refusals.shift();
    if (refusal) return refusal;
    this.#deviceCode = this.#secret('device', 'device code');
    const answer = {
      user_code: 'ABCD-1234',
      device_code: this.#deviceCode,
      verification_uri: 'https://microsoft.com/devicelogin',
      ...(this.answersWithoutLifetime ? {} : { expires_in: 900 }),
      message: 'To sign in, open https://microsoft.com/devicelogin and enter the code ABCD-1234.',
    };
    return [200, this.interval === undefined ? answer : { ...answer, interval: this.interval }];
  }

  /** The address to which the browser returns after the person has signed in at the authorization endpoint. */
  authorize(url: string, error?: Readonly<Record<string, string>>): URL {
    const asked = new URL(url).searchParams;
    const back = new URL(asked.get('redirect_uri') ?? '');
    if (error) {
      for (const [name, value] of Object.entries(error)) back.searchParams.set(name, value);
    } else {
      const code = this.#secret('code', 'authorization code');
      this.#codes.set(code, {
        challenge: asked.get('code_challenge_method') === 'S256' ? (asked.get('code_challenge') ?? '') : 'none',
        redirectUri: asked.get('redirect_uri') ?? '',
      });
      back.searchParams.set('code', code);
    }
    back.searchParams.set('state', asked.get('state') ?? '');
    back.searchParams.set('session_state', randomUUID());
    return back;
  }

  /** Invalidates every refresh token given out so far. */
  revoke(): void {
    this.#refreshTokens.clear();
  }

  /** POST …/token for a grant other than client credentials. @param accessToken of the usual answer */
  token(form: URLSearchParams, accessToken: () => string, lifetime: number): Answer {
    const refusal = this.#refusal(form);
    if (refusal) return refusal;
    const names = (form.get('scope') ?? '').split(' ');
    const signIn = names.filter((name) => ['openid', 'profile'].includes(name));
    const scopes = names.filter((name) => name.includes('/'));
    const granted = scopes.filter((scope) => this.consented.has(shortName(scope)));
    if (scopes.length > 0 && granted.length === 0) {
      return refused(65001, 'invalid_grant', 'The user or administrator has not consented to use the application.', {
        suberror: 'consent_required',
      });
    }
    const refreshToken = this.#secret('refresh', 'refresh token');
    this.#refreshTokens.add(refreshToken);
    const answer = {
      token_type: 'Bearer',
      scope: [...granted.map(asEntraNamesIt), ...signIn].join(' '),
      expires_in: lifetime,
      ext_expires_in: lifetime,
      access_token: accessToken(),
      id_token: idToken(form.get('client_id') ?? ''),
      client_info: base64Json({ uid: alice.objectId, utid: alice.homeTenantId }),
    };
    return [200, names.includes('offline_access') ? { ...answer, refresh_token: refreshToken } : answer];
  }

  #refusal(form: URLSearchParams): Answer | undefined {
    const grant = form.get('grant_type');
    if (grant === 'urn:ietf:params:oauth:grant-type:device_code') return this.#pollAnswer(form);
    const refusal = this.refusals.shift();
    if (refusal) return refusal;
    if (grant === 'authorization_code') return this.#codeRefusal(form);
    if (grant === 'password') return passwordRefusal(form);
    const refreshToken = form.get('refresh_token') ?? '';
    const known = this.#refreshTokens.has(refreshToken);
    if (this.singleUse) this.#refreshTokens.delete(refreshToken);
    return known
      ? undefined
      : refused(50173, 'invalid_grant', 'The provided grant has expired due to it being revoked.', {
          suberror: 'bad_token',
        });
  }

  #pollAnswer(form: URLSearchParams): Answer | undefined {
    if (form.get('device_code') !== this.#deviceCode) return refused(70018, 'bad_verification_code', 'Bad code.');
    const poll = this.polls.shift();
    if (typeof poll !== 'string') return poll;
    return refused(70016, poll, 'OAuth 2.0 device flow error. Authorization is pending. Continue polling.');
  }

  #codeRefusal(form: URLSearchParams): Answer | undefined {
    const code = form.get('code') ?? '';
    const verifier = form.get('code_verifier') ?? '';
    this.secrets.push(verifier);
    noteSecret('code verifier', verifier);
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    if (!asked) return refused(54005, 'invalid_grant', `OAuth2 Authorization code was already redeemed: ${code}.`);
    if (createHash('sha256').update(verifier).digest('base64url') !== asked.challenge) {
      return refused(501481, 'invalid_grant', `The Code_Verifier ${verifier} does not match the code_challenge.`);
    }
    const sameUri = form.get('redirect_uri') === asked.redirectUri;
    return sameUri ? undefined : refused(50011, 'invalid_client', 'The redirect URI does not match.');
  }

  #secret(name: string, kind: SecretKind): string {
    const secret = `${name}-${randomUUID()}`;
    this.secrets.push(secret);
    noteSecret(kind, secret);
    return secret;
  }
}

export function refused(number: number, error: string, text: string, more: Record<string, unknown> = {}): Answer {
  return [400, { ...entraErrorAnswer(number, error, text), ...more }];
}

function passwordRefusal(form: URLSearchParams): Answer | undefined {
  noteSecret('user password', form.get('password') ?? '');
  if (form.get('username') === alice.username && form.get('password') === alice.password) return undefined;
  return refused(50126, 'invalid_grant', `Error validating credentials: ${form.get('password')}.`);
}

/** Entra ID writes Graph's scopes without the resource, and all others with it. */
function asEntraNamesIt(scope: string): string {
  return scope.startsWith('https://graph.microsoft.com/') ? shortName(scope) : scope;
}

function shortName(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1);
}

function idToken(audience: string): string {
  const claims = {
    aud: audience,
    iss: `https://login.microsoftonline.com/${alice.homeTenantId}/v2.0`,
    exp: 4_000_000_000,
    oid: alice.objectId,
    tid: alice.homeTenantId,
    sub: 'pairwise-subject',
    preferred_username: alice.username,
    ver: '2.0',
  };
  return `${base64Json({ typ: 'JWT', alg: 'RS256' })}.${base64Json(claims)}.c2lnbmF0dXJl`;
}

function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

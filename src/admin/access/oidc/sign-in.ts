import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Clock } from '../../../base/clock.ts';
import { BridgeError } from '../../../base/errors.ts';
import type { Caller, Role } from '../role.ts';
import { type OidcProvider, type OidcRequest, type OidcSettings, oidcFailed } from './provider.ts';

/** What the browser keeps until it returns. */
export interface BegunSignIn {
  /** The URL to go to. */
  readonly url: string;
  /** For the cookie: nobody else can make one, and nothing is stored here. */
  readonly sealed: string;
}

const lifetimeMs = 10 * 60_000;

/**
 * Signs people in through Entra ID: authorization code with PKCE (RFC 7636), state and nonce; their groups determine
 * their role.
 */
export class OidcSignIn {
  readonly #provider: OidcProvider;
  readonly #settings: Pick<OidcSettings, 'operateGroup' | 'viewGroup'>;
  readonly #clock: Clock;
  readonly #key = randomBytes(32);

  constructor(provider: OidcProvider, settings: Pick<OidcSettings, 'operateGroup' | 'viewGroup'>, clock: Clock) {
    this.#provider = provider;
    this.#settings = settings;
    this.#clock = clock;
  }

  /** @throws BridgeError `admin-oidc-failed` */
  async begin(redirectUri: string): Promise<BegunSignIn> {
    const request: OidcRequest = { state: random(), nonce: random(), verifier: random(), redirectUri };
    const challenge = createHash('sha256').update(request.verifier).digest('base64url');
    const url = await this.#provider.authorizeUrl(request, challenge);
    return { url, sealed: this.#seal({ ...request, untilMs: this.#clock.now() + lifetimeMs }) };
  }

  /**
   * Completes what {@link begin} began.
   * @param answer the query of the URL that the browser returns to
   * @param sealed the cookies that it sends
   * @throws BridgeError `admin-oidc-failed`, `admin-oidc-no-role`
   */
  async end(answer: Readonly<Record<string, unknown>>, sealed: readonly string[]): Promise<Caller> {
    const { code, state, error, error_description: words } = answer;
    const request = sealed
      .map((each) => this.#open(each))
      .find((each) => each !== undefined && same(each.state, state));
    if (!request)
      throw oidcFailed('This answer does not belong to a sign-in started in this browser, or it came too late.');
    if (typeof error === 'string') throw oidcFailed(`Entra ID says: ${plain(words) || plain(error)}`);
    if (typeof code !== 'string' || code === '' || code.length > 4096) throw oidcFailed('Entra ID sent no code.');
    return callerOf(await this.#provider.redeem(code, request), this.#settings);
  }

  #seal(request: OidcRequest & { readonly untilMs: number }): string {
    const content = Buffer.from(JSON.stringify(request)).toString('base64url');
    return `${content}.${this.#mac(content)}`;
  }

  #open(sealed: string): OidcRequest | undefined {
    const [content = '', mac = ''] = sealed.split('.');
    if (!same(this.#mac(content), mac)) return undefined;
    const { untilMs, ...request } = JSON.parse(Buffer.from(content, 'base64url').toString()) as OidcRequest & {
      readonly untilMs: number;
    };
    return untilMs > this.#clock.now() ? request : undefined;
  }

  #mac(content: string): string {
    return createHmac('sha256', this.#key).update(content).digest('base64url');
  }
}

/** The subject of a token, and their role. @throws BridgeError `admin-oidc-no-role`, `admin-oidc-failed` */
function callerOf(
  claims: JWTPayload,
  { operateGroup, viewGroup }: Pick<OidcSettings, 'operateGroup' | 'viewGroup'>,
): Caller {
  const { preferred_username: name, oid, sub, groups } = claims;
  const user = [name, oid, sub].find((each) => typeof each === 'string' && each !== '') as string | undefined;
  if (user === undefined) throw oidcFailed('The id token names nobody.');
  const all = Array.isArray(groups)
    ? groups.filter((each) => typeof each === 'string').map((each) => each.toLowerCase())
    : [];
  const role = roleOf(all, operateGroup, viewGroup);
  if (role) return { user: plain(user), role, by: 'oidc' };
  throw noRole(plain(user), claims);
}

function roleOf(groups: readonly string[], operateGroup: string, viewGroup: string | undefined): Role | undefined {
  if (groups.includes(operateGroup.toLowerCase())) return 'operate';
  return viewGroup !== undefined && groups.includes(viewGroup.toLowerCase()) ? 'view' : undefined;
}

function noRole(user: string, { groups, _claim_names: elsewhere }: JWTPayload): BridgeError {
  if (groups === undefined && typeof elsewhere === 'object') {
    return new BridgeError('admin-oidc-no-role', `${user} is in more groups than Entra ID lists in a token.`, {
      remedy:
        'In the app registration let the token hold the groups that are assigned to the application (Token configuration > groups claim), and assign the groups of admin.oidc to it.',
    });
  }
  if (groups === undefined) {
    return new BridgeError('admin-oidc-no-role', `The id token of ${user} lists no groups.`, {
      remedy: 'Add the groups claim to the ID token: app registration > Token configuration > Add groups claim.',
    });
  }
  return new BridgeError('admin-oidc-no-role', `${user} is in no group of admin.oidc.`);
}

function random(): string {
  return randomBytes(32).toString('base64url');
}

function same(wanted: string, given: unknown): boolean {
  if (typeof given !== 'string') return false;
  const [a, b] = [Buffer.from(wanted), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Anybody may have put text into a URL: it is shown shortened, on one line. */
function plain(text: unknown): string {
  return typeof text === 'string'
    ? text
        .replace(/[\s\p{C}]+/gu, ' ')
        .trim()
        .slice(0, 500)
    : '';
}

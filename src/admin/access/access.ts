import type { FastifyReply, FastifyRequest } from 'fastify';
import { KeyedDigest } from '../../accounts/keyed-digest.ts';
import { LoginThrottle } from '../../accounts/login-throttle.ts';
import { sourceNetwork } from '../../accounts/networks.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { logRepeated } from '../../base/repeated-lines.ts';
import type { HostCheck } from '../server/hosts.ts';
import { cookieValues, endCookie, sessionCookie, setCookie } from './cookies.ts';
import { type Caller, mayAct, type Role, type SignInMethod } from './role.ts';
import { type AdminSession, type AdminSessions, provesSession } from './sessions.ts';
import type { AdminTokens, KnownToken } from './tokens.ts';

/** What access decisions depend on. */
export interface AccessParts {
  readonly tokens: AdminTokens;
  readonly sessions: AdminSessions;
  readonly hosts: HostCheck;
  readonly clock: Clock;
  readonly log: Log;
  /** Cookies are only for encrypted connections. */
  readonly isSecure: boolean;
  readonly signInBy: readonly SignInMethod[];
}

/** The caller, and the session if there is one. */
export interface KnownCaller extends Caller {
  readonly session?: AdminSession;
  /** The token shown, now or when the session began. */
  readonly token?: KnownToken;
}

/** For the audit log; the holder of the token is not known by name. */
const tokenUser = 'admin token';

/** Admits callers: by the cookie of a session, or by a token with each request. */
export class AdminAccess {
  readonly signInBy: readonly SignInMethod[];
  readonly #parts: AccessParts;
  readonly #throttle: LoginThrottle;
  readonly #digest = new KeyedDigest();

  constructor(parts: AccessParts) {
    this.#parts = parts;
    this.signInBy = parts.signInBy;
    this.#throttle = new LoginThrottle({ clock: parts.clock });
  }

  get sessions(): AdminSessions {
    return this.#parts.sessions;
  }

  /**
   * Begins a session with a token, and sets its cookie in the browser.
   * @throws BridgeError `admin-token-wrong`, `admin-sign-in-blocked`, `admin-request-forged`
   */
  async signInByToken(token: string, request: FastifyRequest, reply: FastifyReply): Promise<AdminSession> {
    this.#parts.hosts.assertOwnOrigin(request);
    const known = await this.#tokenOf(token, request.ip);
    return this.beginSession({ user: tokenUser, role: known.role, by: 'token' }, reply, known);
  }

  /** Begins a session, and sets its cookie in the browser. */
  beginSession(caller: Caller, reply: FastifyReply, token?: KnownToken): AdminSession {
    const { id, session } = this.#parts.sessions.begin(caller, token);
    setCookie(reply, sessionCookie, id, this.#parts.isSecure);
    return session;
  }

  /** Ends the session of a request, if there is one. */
  signOut(request: FastifyRequest, reply: FastifyReply): void {
    for (const id of cookieValues(request, sessionCookie, this.#parts.isSecure)) this.#parts.sessions.end(id);
    endCookie(reply, sessionCookie, this.#parts.isSecure);
  }

  /**
   * Refuses requests that a page of another origin makes a browser send, even where no sign-in is needed. A program
   * that shows its token is not such a page: browsers never send Authorization unasked.
   * @throws BridgeError `admin-request-forged`
   */
  assertNotFromElsewhere(request: FastifyRequest): void {
    if (changes(request) && request.headers.authorization === undefined) this.#parts.hosts.assertOwnOrigin(request);
  }

  /**
   * The caller, if permitted to make the request.
   * @throws BridgeError `admin-not-signed-in`, `admin-token-wrong`, `admin-sign-in-blocked`, `admin-role-needed`,
   * `admin-request-forged`
   */
  async admit(request: FastifyRequest, needed: Role): Promise<KnownCaller> {
    const caller = await this.callerOf(request);
    if (caller === undefined) throw new BridgeError('admin-not-signed-in', 'Nobody is signed in.');
    const { session } = caller;
    if (session && changes(request)) this.#assertNotForged(request, session);
    if (mayAct(caller.role, needed)) return caller;
    throw new BridgeError('admin-role-needed', `${caller.user} may look, and change nothing.`);
  }

  /** The caller; undefined if unknown. @throws BridgeError `admin-token-wrong`, `admin-sign-in-blocked` */
  async callerOf(request: FastifyRequest): Promise<KnownCaller | undefined> {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const [, token = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
      const known = await this.#tokenOf(token, request.ip);
      return { user: tokenUser, role: known.role, by: 'token', token: known };
    }
    for (const id of cookieValues(request, sessionCookie, this.#parts.isSecure)) {
      const session = this.#parts.sessions.use(id);
      if (session === undefined) continue;
      const { user, role, by, token } = session;
      const caller = { user, role, by, session, ...(token && { token }) };
      if (await this.isStillKnown(caller)) return caller;
      this.#parts.sessions.end(id);
    }
    return undefined;
  }

  /** Whether a caller is still admitted: the session lasts, and the token that it began with is in force. */
  async isStillKnown({ session, token }: Pick<KnownCaller, 'session' | 'token'>): Promise<boolean> {
    if (session && !this.#parts.sessions.lasts(session)) return false;
    return token === undefined || (await this.#parts.tokens.isInForce(token));
  }

  #assertNotForged(request: FastifyRequest, session: AdminSession): void {
    this.#parts.hosts.assertOwnOrigin(request);
    if (provesSession(session, request.headers['x-csrf-token'])) return;
    throw new BridgeError('admin-request-forged', 'The request lacks the X-CSRF-Token of its session.');
  }

  /** Looks a token up. Guesses are slowed down, then blocked for a while. */
  async #tokenOf(token: string, address: string): Promise<KnownToken> {
    const attempt = { address, account: tokenUser };
    const block = this.#throttle.blocked(attempt);
    if (block) {
      throw new BridgeError('admin-sign-in-blocked', 'Too many wrong tokens have come from this address.', {
        details: { retryAfterSeconds: Math.ceil(block.forMs / 1000) },
      });
    }
    await this.#pause(this.#throttle.holdMs(attempt));
    const known = await this.#parts.tokens.find(token);
    if (known) {
      this.#throttle.succeeded(attempt);
      return known;
    }
    logRepeated(
      this.#parts.log,
      'warn',
      `admin token ${sourceNetwork(address)}`,
      { client: address },
      'admin sign-in refused',
    );
    await this.#pause(this.#throttle.failed(attempt, this.#digest.of(token)));
    throw new BridgeError('admin-token-wrong', 'This is not the admin token.');
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}

function changes({ method }: FastifyRequest): boolean {
  return !['GET', 'HEAD'].includes(method);
}

import { randomBytes } from 'node:crypto';
import type { IncomingHttpRequest } from '../../http/http-server.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import { isEnded, type SignedInUser } from '../people/signed-in.ts';

const cookieName = 'ESTSAUTH';

/** Who is signed in, in each browser. */
export class Sessions {
  readonly #tenant: Tenant;
  readonly #accounts = new Map<string, readonly SignedInUser[]>();

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  /** The browser's people, most recent sign-in first. */
  accountsOf(request: IncomingHttpRequest): readonly SignedInUser[] {
    const accounts = this.#accounts.get(this.#idOf(request) ?? '') ?? [];
    return accounts.filter((account) => !isEnded(account) && !account.user.disabled && !this.#isTooOld(account));
  }

  /** Adds a person to a browser's session. @returns the `Set-Cookie` for the browser */
  remember(request: IncomingHttpRequest, signedIn: SignedInUser): string {
    const id = this.#idOf(request) ?? randomBytes(32).toString('base64url');
    const others = this.accountsOf(request).filter(({ user }) => user !== signedIn.user);
    this.#accounts.set(id, [signedIn, ...others]);
    return `${cookieName}=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`;
  }

  #isTooOld({ atMs }: SignedInUser): boolean {
    const { signInFrequencySeconds } = this.#tenant.policies;
    return signInFrequencySeconds > 0 && this.#tenant.nowMs() - atMs >= signInFrequencySeconds * 1000;
  }

  /** The session's id, if it is one of ours. */
  #idOf({ headers }: IncomingHttpRequest): string | undefined {
    const pairs = (headers.cookie ?? '').split(/; */);
    const id = pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
    return id !== undefined && this.#accounts.has(id) ? id : undefined;
  }
}

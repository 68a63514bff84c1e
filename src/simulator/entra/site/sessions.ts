import { randomBytes } from 'node:crypto';
import type { HttpRequest } from '../../http/http-server.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import { isEnded, type SignedIn } from '../signed-in.ts';

const cookieName = 'ESTSAUTH';

/** Who is signed in in which browser. */
export class Sessions {
  readonly #tenant: Tenant;
  readonly #accounts = new Map<string, readonly SignedIn[]>();

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  /** The browser's people, the last to sign in first. */
  accountsOf(request: HttpRequest): readonly SignedIn[] {
    const accounts = this.#accounts.get(this.#idOf(request) ?? '') ?? [];
    return accounts.filter((account) => !isEnded(account) && !account.user.disabled && !this.#isTooOld(account));
  }

  /** Adds a person to a browser's session. @returns the `Set-Cookie` that the browser has to get */
  remember(request: HttpRequest, signedIn: SignedIn): string {
    const id = this.#idOf(request) ?? randomBytes(32).toString('base64url');
    const others = this.accountsOf(request).filter(({ user }) => user !== signedIn.user);
    this.#accounts.set(id, [signedIn, ...others]);
    return `${cookieName}=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`;
  }

  #isTooOld({ atMs }: SignedIn): boolean {
    const { signInFrequencySeconds } = this.#tenant.policies;
    return signInFrequencySeconds > 0 && this.#tenant.nowMs() - atMs >= signInFrequencySeconds * 1000;
  }

  /** The session's id, if it is one of ours. */
  #idOf({ headers }: HttpRequest): string | undefined {
    const pairs = (headers.cookie ?? '').split(/; */);
    const id = pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
    return id !== undefined && this.#accounts.has(id) ? id : undefined;
  }
}

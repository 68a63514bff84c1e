import { createHash, timingSafeEqual } from 'node:crypto';
import type { Role } from './role.ts';

/** Where the valid tokens come from; asked at each use, because they may change meanwhile. */
export interface AdminTokenSource {
  readonly role: Role;
  /** Undefined: there is none at present. */
  token(): Promise<string | undefined>;
}

/** A valid token that somebody has shown. */
export interface KnownToken {
  readonly role: Role;
  /** Identifies the token without revealing it. */
  readonly digest: Buffer;
}

/** The tokens that admit somebody. */
export class AdminTokens {
  readonly #sources: readonly AdminTokenSource[];

  /** @param sources the first match counts */
  constructor(sources: readonly AdminTokenSource[]) {
    this.#sources = sources;
  }

  /** Looks a token up; undefined for a wrong one. Timing does not reveal how much of it is right. */
  async find(given: string): Promise<KnownToken | undefined> {
    return await this.#known(digestOf(given));
  }

  /** Whether a token that was valid still is. */
  async isInForce({ digest, role }: KnownToken): Promise<boolean> {
    return (await this.#known(digest))?.role === role;
  }

  async #known(digest: Buffer): Promise<KnownToken | undefined> {
    let found: KnownToken | undefined;
    for (const { role, token } of this.#sources) {
      const current = await token();
      if (current !== undefined && timingSafeEqual(digestOf(current), digest)) found ??= { role, digest };
    }
    return found;
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Role } from './role.ts';

/** Where the tokens in force come from; asked at each use, since they may change meanwhile. */
export interface AdminTokenSource {
  readonly role: Role;
  /** Undefined: there is none at present. */
  token(): Promise<string | undefined>;
}

/** A token that somebody has shown. */
export interface KnownToken {
  readonly role: Role;
  /** By which it is known again; tells nothing of the token. */
  readonly digest: Buffer;
}

/** The tokens that let somebody in. */
export class AdminTokens {
  readonly #sources: readonly AdminTokenSource[];

  /** @param sources the first that fits counts */
  constructor(sources: readonly AdminTokenSource[]) {
    this.#sources = sources;
  }

  /** What a token stands for; undefined for a wrong one. Time does not tell how much of it is right. */
  async find(given: string): Promise<KnownToken | undefined> {
    return await this.#known(digestOf(given));
  }

  /** Whether a token that was known is so still. */
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

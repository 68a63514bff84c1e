import { inspect } from 'node:util';

/** A bearer token. Printed, logged or converted to JSON, it shows only its expiry. */
export class AccessToken {
  readonly #value: string;
  /** Milliseconds since 1970, by the clock of the code that obtained it. */
  readonly expiresAtMs: number;

  constructor(value: string, expiresAtMs: number) {
    this.#value = value;
    this.expiresAtMs = expiresAtMs;
  }

  /** The token itself. Use it only for the `Authorization` header and the XOAUTH2 response. */
  get value(): string {
    return this.#value;
  }

  toString(): string {
    return `[access token until ${new Date(this.expiresAtMs).toISOString()}]`;
  }

  toJSON(): { expiresAt: string } {
    return { expiresAt: new Date(this.expiresAtMs).toISOString() };
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

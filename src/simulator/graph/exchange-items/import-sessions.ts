import { randomBytes } from 'node:crypto';

/** A URL to which items can be posted. */
export interface ImportSession {
  /** The token that authorizes the URL. */
  readonly authToken: string;
  readonly mailbox: string;
  readonly appId: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** The open import sessions. */
export class ImportSessions {
  /** How long a session lives from its start; negative: it is already expired. */
  lifetimeSeconds = 60 * 60;
  readonly #sessions = new Map<string, ImportSession>();

  open(mailbox: string, appId: string): ImportSession {
    const authToken = randomBytes(48).toString('base64url');
    const session = { authToken, mailbox, appId, expiresAtMs: Date.now() + this.lifetimeSeconds * 1000 };
    this.#sessions.set(authToken, session);
    return session;
  }

  /** A session that has not expired. */
  get(authToken: string): ImportSession | undefined {
    const session = this.#sessions.get(authToken);
    if (session === undefined || session.expiresAtMs > Date.now()) return session;
    this.#sessions.delete(authToken);
    return undefined;
  }
}

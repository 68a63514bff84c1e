import { randomBytes } from 'node:crypto';

/** A URL that items may be posted to. */
export interface ImportSession {
  /** What the URL proves its right by. */
  readonly authToken: string;
  readonly mailbox: string;
  readonly appId: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** The import sessions that are open. */
export class ImportSessions {
  /** How long a session lives from its start; negative: it has expired already. */
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

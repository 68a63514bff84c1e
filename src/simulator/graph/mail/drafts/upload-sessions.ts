import { randomBytes, randomUUID } from 'node:crypto';
import type { AttachmentFacts } from '../attachment.ts';
import type { StoredDraft } from './draft.ts';

/** A large attachment being uploaded. */
export interface OpenUpload {
  readonly id: string;
  /** The token that authorizes the URL. */
  readonly authToken: string;
  readonly mailbox: string;
  readonly appId: string;
  readonly messageId: string;
  readonly draft: StoredDraft;
  readonly facts: AttachmentFacts;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  readonly chunks: Buffer[];
  received: number;
}

/** The uploads in progress. */
export class UploadSessions {
  /** How long a session lives from its start; negative: it is already expired. */
  lifetimeSeconds = 24 * 60 * 60;
  readonly #sessions = new Map<string, OpenUpload>();

  open(about: Pick<OpenUpload, 'mailbox' | 'appId' | 'messageId' | 'draft' | 'facts' | 'size'>): OpenUpload {
    const session = {
      ...about,
      id: randomUUID(),
      authToken: randomBytes(24).toString('base64url'),
      expiresAtMs: Date.now() + this.lifetimeSeconds * 1000,
      chunks: [],
      received: 0,
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** A session that has neither ended nor expired. */
  get(id: string): OpenUpload | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined || session.expiresAtMs > Date.now()) return session;
    this.close(session);
    return undefined;
  }

  close(session: OpenUpload): void {
    this.#sessions.delete(session.id);
  }

  /** Ends the uploads to a draft that is gone. */
  forget(draft: StoredDraft | undefined): void {
    for (const session of this.#sessions.values()) if (session.draft === draft) this.close(session);
  }
}

import { setTimeout } from 'node:timers/promises';
import { BridgeError } from '../base/errors.ts';
import { MailStoreError } from '../mailbox/mail-store.ts';

/** How long a session may take to make room. */
const makingRoomMs = 5_000;

/** A session that has a maildrop open. */
export interface MaildropHolder {
  /** Ends the session if its client seems to have left. @returns whether it ends */
  giveWay(): boolean | Promise<boolean>;
}

/**
 * Locks a maildrop for a session; a session that seems to have left makes room.
 * @returns a function that unlocks it, with effect only once
 * @throws MailStoreError `in-use`
 */
export type LockMaildrop = (mailbox: string, holder: MaildropHolder) => Promise<() => void>;

/** Allows one session at a time per mailbox (RFC 1939 section 4), across everything that serves them. */
export class MaildropLocks {
  readonly #held = new Map<string, { readonly holder: MaildropHolder; readonly left: Promise<void> }>();

  /** See {@link LockMaildrop}. */
  async lock(mailbox: string, holder: MaildropHolder): Promise<() => void> {
    const key = mailbox.toLowerCase();
    await this.#makeRoom(key);
    // Nothing may happen between this check and the lock: two simultaneous logins check in the same turn.
    if (this.#held.has(key)) throw locked();
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const held = { holder, left };
    this.#held.set(key, held);
    return () => {
      if (this.#held.get(key) === held) this.#held.delete(key);
      resolve();
    };
  }

  async #makeRoom(key: string): Promise<void> {
    const held = this.#held.get(key);
    if (held === undefined) return;
    if (!(await held.holder.giveWay())) throw locked();
    await Promise.race([held.left, setTimeout(makingRoomMs, undefined, { ref: false })]);
  }
}

function locked(): MailStoreError {
  const text = 'The mailbox is open in another POP3 session.';
  return new MailStoreError('in-use', text, { cause: new BridgeError('maildrop-in-use', text) });
}

import { randomUUID } from 'node:crypto';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { ItemFacts } from '../mailboxes/stored-message.ts';

/** Settings for the copies in Sent Items. */
export interface SentItemsSettings {
  /** How long after the message was accepted its copy appears. */
  readonly delayMs: number;
  /** Mailboxes that keep no copies; in lower case. */
  readonly offFor: readonly string[];
}

/** Puts copies of sent messages where their senders see them, now or later. */
export class SentItemsFolder {
  readonly #directory: MailboxDirectory;
  readonly #heldBack = new Map<NodeJS.Timeout, () => void>();
  #settings: SentItemsSettings = { delayMs: 0, offFor: [] };

  constructor(directory: MailboxDirectory) {
    this.#directory = directory;
  }

  get settings(): SentItemsSettings {
    return this.#settings;
  }

  /** Changes the settings from now on. With a delay of 0, all copies held back appear. */
  set(settings: Partial<SentItemsSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
    if (this.#settings.delayMs > 0) return;
    for (const [timer, appear] of this.#heldBack) {
      clearTimeout(timer);
      appear();
    }
    this.#heldBack.clear();
  }

  keep(mailbox: string, content: Buffer, facts: ItemFacts): void {
    const { delayMs, offFor } = this.#settings;
    if (offFor.includes(mailbox.toLowerCase())) return;
    const internalDate = new Date();
    const kept = { immutableId: randomUUID(), ...facts, flags: ['\\Seen'], internalDate };
    const appear = () => {
      this.#directory.deliver(mailbox, 'Sent Items', content, kept);
    };
    if (delayMs === 0) {
      appear();
      return;
    }
    const timer = setTimeout(() => {
      this.#heldBack.delete(timer);
      appear();
    }, delayMs).unref();
    this.#heldBack.set(timer, appear);
  }
}

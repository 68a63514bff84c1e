import type { ImapFlow } from 'imapflow';

/** How long work that must be finished may continue after the client has left. */
const finishMs = 60_000;

/** How long the server has to answer LOGOUT. */
const logoutMs = 5_000;

/** The connection behind an open mailbox. It ends with the session it serves. */
export class ExchangeConnection {
  readonly client: ImapFlow;
  readonly #gone: AbortSignal | undefined;
  #finishing = false;
  #deadline: NodeJS.Timeout | undefined;

  /** @param gone aborted when the session's client has left: whatever the session waits for fails at once */
  constructor(client: ImapFlow, gone: AbortSignal | undefined) {
    this.client = client;
    this.#gone = gone;
    gone?.addEventListener('abort', this.#leave);
    if (gone?.aborted) client.close();
  }

  /**
   * Runs work that continues without the client: a client that has said QUIT need not wait for the answer (RFC 1939
   * section 6). If the server is silent meanwhile, it gets a minute.
   */
  async finish<T>(act: () => Promise<T>): Promise<T> {
    this.#finishing = true;
    try {
      return await act();
    } finally {
      this.#finishing = false;
      if (this.#gone?.aborted) this.#leave();
    }
  }

  async close(): Promise<void> {
    this.#gone?.removeEventListener('abort', this.#leave);
    if (this.#gone?.aborted) return this.#end();
    this.#deadline = setTimeout(() => this.client.close(), logoutMs);
    await this.client.logout().catch(() => {});
    this.#end();
  }

  readonly #leave = (): void => {
    if (this.#finishing) this.#deadline ??= setTimeout(() => this.client.close(), finishMs);
    else this.#end();
  };

  #end(): void {
    clearTimeout(this.#deadline);
    this.client.close();
  }
}

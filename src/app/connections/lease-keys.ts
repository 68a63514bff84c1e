import { connectionOf } from '../../queue/message.ts';

/**
 * What instances own as one unit: each mailbox on its own, or all mailboxes of a connection for which one person logs
 * in, because they share limits. The state when a connection was first seen lasts until the process ends: a key that
 * changed meanwhile would give a mailbox that is delivered here to another instance as well.
 */
export class LeaseKeys {
  readonly #logins: () => ReadonlyMap<string, boolean>;
  readonly #first = new Map<string, boolean>();

  /** @param logins connections by the current settings, each with whether one person logs in for it */
  constructor(logins: () => ReadonlyMap<string, boolean>) {
    this.#logins = logins;
    this.renewed();
  }

  of(destination: string): string {
    const connection = connectionOf(destination);
    let isOne = this.#first.get(connection);
    if (isOne === undefined) {
      isOne = this.#logins().get(connection) === true;
      this.#first.set(connection, isOne);
    }
    return isOne ? connection : destination;
  }

  /** The settings have changed. @returns connections that keep their keys although others would now be right */
  renewed(): string[] {
    const outdated: string[] = [];
    for (const [connection, isOne] of this.#logins()) {
      const first = this.#first.get(connection);
      if (first === undefined) this.#first.set(connection, isOne);
      else if (first !== isOne) outdated.push(connection);
    }
    return outdated;
  }
}

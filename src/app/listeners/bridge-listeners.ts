import type { Config, ListenerConfig } from '../../config/schema.ts';
import type { OpenListener } from '../bridge-state.ts';
import type { ListenerCertificates } from '../listener-certificates.ts';
import { portFailure } from '../port-failure.ts';
import { type ChangeableListener, type ListenerParts, loadProtocols, openListener } from './open-listener.ts';

/** What all listeners share. */
export type SharedListenerParts = Omit<ListenerParts, 'listener' | 'tls'>;

/** Listeners of another configuration, whose ports are already open. */
export interface ListenerChange {
  /** Puts it into force. */
  apply(): void;
  /** Closes what was opened for it. */
  undo(): Promise<void>;
}

/** The listeners of a bridge. A reload changes them without closing their ports: connected clients notice nothing. */
export class BridgeListeners {
  /** In the order of the configuration in force; the same array after a reload. */
  readonly open: OpenListener[] = [];
  readonly #parts: SharedListenerParts;
  #current: ReadonlyMap<string, ChangeableListener> = new Map();
  /** Listeners no longer in the configuration, with clients still connected. */
  #leaving: readonly ChangeableListener[] = [];

  constructor(parts: SharedListenerParts) {
    this.#parts = parts;
  }

  /**
   * Opens the listeners that only the other configuration has.
   * @throws BridgeError `port-in-use`, `listen-failed`; then everything is as it was
   */
  async prepare({ listeners }: Pick<Config, 'listeners'>, certificates: ListenerCertificates): Promise<ListenerChange> {
    await loadProtocols(listeners);
    const opened = new Map<string, ChangeableListener>();
    const undo = async () => {
      await Promise.all([...opened.values()].map((listener) => listener.close(0)));
    };
    const keys = keysOf(listeners);
    for (const [index, listener] of listeners.entries()) {
      const key = keys[index] as string;
      if (this.#current.has(key)) continue;
      try {
        opened.set(key, await openListener(this.#partsOf(listener, certificates)));
      } catch (error) {
        await undo();
        throw portFailure(error, `listeners[${index}]`, listener);
      }
    }
    return { undo, apply: () => this.#apply(listeners, opened, certificates) };
  }

  /** Uses renewed certificates of the configuration in force. */
  renew(certificates: ListenerCertificates): void {
    for (const listener of this.#current.values()) {
      const tls = certificates.of(listener.config);
      if (tls) listener.updateTls(tls);
    }
  }

  /** Stops accepting; resolves when every connection has ended or, after `graceMs`, has been cut. */
  async close(graceMs: number): Promise<void> {
    await Promise.all([...this.#current.values(), ...this.#leaving].map((listener) => listener.close(graceMs)));
  }

  #apply(
    wanted: Config['listeners'],
    opened: ReadonlyMap<string, ChangeableListener>,
    certificates: ListenerCertificates,
  ): void {
    const { log } = this.#parts;
    const before = this.#current;
    const keys = keysOf(wanted);
    const next = new Map<string, ChangeableListener>();
    for (const [index, listener] of wanted.entries()) {
      const key = keys[index] as string;
      const there = before.get(key) ?? (opened.get(key) as ChangeableListener);
      next.set(key, there);
      if (!before.has(key)) {
        if (before.size > 0) log.info(factsOf(there), 'listener opened');
      } else if (isOther(there.config, listener)) {
        there.change(this.#partsOf(listener, certificates));
        log.info(factsOf(there), 'listener changed: applies to new clients');
      } else this.#updateTls(there, listener, certificates);
    }
    const gone = [...before].filter(([key]) => !next.has(key)).map(([, listener]) => listener);
    for (const listener of gone) {
      listener.leave();
      log.info({ ...factsOf(listener), clients: listener.clients() }, 'listener closed: its clients stay connected');
    }
    this.#leaving = [...this.#leaving, ...gone].filter((listener) => listener.clients() > 0);
    this.#current = next;
    this.open.splice(0, this.open.length, ...next.values());
  }

  #updateTls(there: ChangeableListener, listener: ListenerConfig, certificates: ListenerCertificates): void {
    const tls = certificates.of(listener);
    if (tls) there.updateTls(tls);
  }

  #partsOf(listener: ListenerConfig, certificates: ListenerCertificates): ListenerParts {
    const tls = certificates.of(listener);
    return { ...this.#parts, listener, ...(tls && { tls }) };
  }
}

/** Identifies listeners: by where they listen; if that is any port, by their protocol and position. */
function keysOf(listeners: Config['listeners']): string[] {
  const seen = new Map<string, number>();
  return listeners.map(({ protocol, host, port }) => {
    if (port !== 0) return `${host} ${port}`;
    const any = `${protocol} ${host}`;
    const number = (seen.get(any) ?? 0) + 1;
    seen.set(any, number);
    return `${any} 0 ${number}`;
  });
}

/** Ignores certificates, which every listener can replace. */
function isOther({ tls: _, ...one }: ListenerConfig, { tls: __, ...other }: ListenerConfig): boolean {
  return JSON.stringify(one) !== JSON.stringify(other);
}

function factsOf({ protocol, host, port, security }: OpenListener) {
  return { protocol, host, port, security };
}

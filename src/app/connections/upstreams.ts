import type { Log } from '../../base/log.ts';
import type { Config } from '../../config/schema.ts';
import { splitConnection } from '../../message/own-connection.ts';
import type { Upstream } from './upstream.ts';

/** The open connections of a configuration. */
export class Upstreams {
  readonly #byName: ReadonlyMap<string, Upstream>;

  constructor(byName: ReadonlyMap<string, Upstream>) {
    this.#byName = byName;
  }

  /** The name may be that of a mailbox with its own sign-in; see `ownConnection`. */
  get(name: string): Upstream | undefined {
    const { connection, owner } = splitConnection(name);
    const upstream = this.#byName.get(connection);
    return owner === undefined ? upstream : upstream?.ofOwner(owner);
  }

  /** The upstream for a mailbox over a connection of the configuration: with its own sign-in, if each has one. */
  forMailbox(connection: string, mailbox: string): Upstream | undefined {
    const upstream = this.#byName.get(connection);
    return upstream?.ofOwner(mailbox) ?? upstream;
  }

  /** Those that the configuration names. */
  values(): Upstream[] {
    return [...this.#byName.values()];
  }

  /** The same, plus those in use for mailboxes with their own sign-in. */
  all(): Upstream[] {
    return this.values().flatMap((upstream) => [upstream, ...upstream.owned]);
  }
}

/** Opens all connections of a configuration, or none. */
export async function openUpstreams(
  { connections }: Config,
  open: (name: string) => Promise<Upstream>,
): Promise<Upstreams> {
  const upstreams = new Map<string, Upstream>();
  try {
    for (const name of Object.keys(connections)) upstreams.set(name, await open(name));
    return new Upstreams(upstreams);
  } catch (error) {
    await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    throw error;
  }
}

/** Closes them, each when it is no longer in use. */
export async function closeUpstreams(upstreams: Upstreams, log: Log): Promise<void> {
  const closed = await Promise.allSettled(upstreams.values().map((upstream) => upstream.close()));
  for (const each of closed) {
    if (each.status === 'rejected') log.warn({ error: each.reason }, 'cannot close a connection');
  }
}

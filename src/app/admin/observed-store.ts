import type { QueueStore, Spool } from '../../queue/store.ts';

/** The state of a message in the queue has changed; without an id, that of many may have. */
export type MessageTold = (message: { readonly id?: string; readonly state?: string }) => void;

/** A store that reports each new message and each change of state, once that is durable. */
export function observedStore(store: QueueStore, told: MessageTold): QueueStore {
  const observed = observedCalls(store, told);
  const others = new Map<PropertyKey, unknown>();
  return new Proxy(store, {
    get(target, key) {
      if (Object.hasOwn(observed, key)) return observed[key as keyof typeof observed];
      if (others.has(key)) return others.get(key);
      const value: unknown = Reflect.get(target, key, target);
      const own = typeof value === 'function' ? value.bind(target) : value;
      if (typeof value === 'function') others.set(key, own);
      return own;
    },
  });
}

function observedCalls(store: QueueStore, told: MessageTold) {
  const many = (change: Promise<number>) =>
    change.then((count) => {
      if (count > 0) told({});
      return count;
    });
  return {
    spool: () => observedSpool(store.spool(), told),
    async record(id, result, lease) {
      const bounces = await store.record(id, result, lease);
      told({ id, state: result.state });
      for (const bounce of bounces) told({ id: bounce.id, state: bounce.state });
      return bounces;
    },
    async giveUp(id, given, lease) {
      const bounces = await store.giveUp(id, given, lease);
      told({ id, state: 'failed' });
      for (const bounce of bounces) told({ id: bounce.id, state: bounce.state });
      return bounces;
    },
    async quarantine(id, damage) {
      await store.quarantine(id, damage);
      told({ id, state: 'quarantined' });
    },
    hold: (filter) => many(store.hold(filter)),
    release: (filter, nowMs) => many(store.release(filter, nowMs)),
    remove: (filter) => many(store.remove(filter)),
  } satisfies Partial<QueueStore>;
}

function observedSpool(spool: Spool, told: MessageTold): Spool {
  return {
    id: spool.id,
    get size() {
      return spool.size;
    },
    write: (chunk) => spool.write(chunk),
    open: () => spool.open(),
    discard: () => spool.discard(),
    async commit(message) {
      const queued = await spool.commit(message);
      told({ id: queued.id, state: queued.state });
      return queued;
    },
  };
}

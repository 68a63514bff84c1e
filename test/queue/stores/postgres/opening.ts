import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { LeaseTable } from '../../../../src/queue/ownership/lease.ts';
import type { QueueStore } from '../../../../src/queue/store.ts';
import { openPostgresStore, type PostgresStoreOptions } from '../../../../src/queue/stores/postgres/store.ts';

let schemas = 0;

/** An unused schema. */
export function newSchema(): string {
  return `test_${schemas++}`;
}

/** Opens a store that is closed at the end of the test. */
export async function openStore(options: PostgresStoreOptions): Promise<QueueStore> {
  const store = await openPostgresStore(options);
  let closed: Promise<void> | undefined;
  const close = store.close.bind(store);
  store.close = () => {
    closed ??= close();
    return closed;
  };
  onTestFinished(() => store.close());
  return store;
}

/** The same for the store of a bridge with this name. */
export async function openInstance(
  name: string,
  options: PostgresStoreOptions,
  identity: string = randomUUID(),
): Promise<QueueStore & { readonly leases: LeaseTable }> {
  const store = await openStore({ ...options, instance: { name, identity } });
  return store as QueueStore & { readonly leases: LeaseTable };
}

import type { Config } from '../../config/schema.ts';
import { SharedIndexes } from '../../mailstores/graph/index/postgres/shared-indexes.ts';

/** The mailbox indexes shared by all instances; undefined if the queue is only this bridge's. */
export function sharedIndexes({ queue: { store, postgres } }: Pick<Config, 'queue'>): SharedIndexes | undefined {
  if (store !== 'postgres' || postgres === undefined) return undefined;
  const { url, caFile, schema } = postgres;
  return new SharedIndexes({ url: url.reveal(), ...(caFile !== undefined && { caFile }), schema });
}

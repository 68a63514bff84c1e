import type { Config } from '../../config/schema.ts';
import { SharedIndexes } from '../../mailstores/graph/index/postgres/shared-indexes.ts';

/** What holds the indexes of mailboxes for all instances; undefined where the queue is this bridge's own. */
export function sharedIndexes({ queue: { store, postgres } }: Pick<Config, 'queue'>): SharedIndexes | undefined {
  if (store !== 'postgres' || postgres === undefined) return undefined;
  const { url, caFile, schema } = postgres;
  return new SharedIndexes({ url: url.reveal(), ...(caFile !== undefined && { caFile }), schema });
}

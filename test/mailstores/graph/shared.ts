import type { ShareIndex } from '../../../src/mailstores/graph/index/mailbox-index.ts';
import { SharedIndexes } from '../../../src/mailstores/graph/index/postgres/shared-indexes.ts';
import { afterTest } from '../../simulator/harness.ts';
import type { Postgres } from '../../support/postgres.ts';

let schemas = 0;

/** Instances that share the indexes in a schema that nobody has used. @returns what each of them is given */
export function sharing(server: Postgres): () => ShareIndex {
  const schema = `index_${schemas++}`;
  return () => {
    const indexes = new SharedIndexes({ url: server.url(), schema });
    afterTest(() => indexes.close());
    return indexes.share;
  };
}

import type { ShareIndex } from '../../../src/mailstores/graph/index/mailbox-index.ts';
import { SharedIndexes } from '../../../src/mailstores/graph/index/postgres/shared-indexes.ts';
import { afterTest } from '../../simulator/harness.ts';
import type { Postgres } from '../../support/postgres.ts';

/** Gives the instances that share the indexes of a schema their means to share them. */
export interface Sharing {
  (): ShareIndex;
  readonly schema: string;
}

let schemas = 0;

/** In an unused schema. */
export function sharing(server: Postgres): Sharing {
  const schema = `index_${schemas++}`;
  const share = () => {
    const indexes = new SharedIndexes({ url: server.url(), schema });
    afterTest(() => indexes.close());
    return indexes.share;
  };
  return Object.assign(share, { schema });
}

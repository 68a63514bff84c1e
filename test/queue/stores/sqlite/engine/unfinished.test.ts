import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Statements } from '../../../../../src/queue/stores/sqlite/engine/statements.ts';
import { unfinishedCounts } from '../../../../../src/queue/stores/sqlite/engine/unfinished.ts';
import { openDatabase } from '../../../../../src/queue/stores/sqlite/schema.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

test('the few attempts under way are counted without reading through all messages', () => {
  const database = openDatabase(join(temporaryFolder(), 'queue.sqlite'));
  const asked: string[] = [];
  class Watched extends Statements {
    override sql(text: string) {
      asked.push(text);
      return super.sql(text);
    }
  }
  unfinishedCounts(new Watched(database), ['contoso/a', 'contoso/b'], 0, 1);
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${asked[0]}`).all(1, 'contoso/a', 'contoso/b', 0);
  expect(plan.map(({ detail }) => detail)).toEqual([
    'SCAN unfinished',
    expect.stringMatching(/^SEARCH messages USING INDEX \w+ \(id=\?\)$/),
  ]);
  database.close();
});

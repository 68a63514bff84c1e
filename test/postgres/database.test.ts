import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { postgresAddress } from '../../src/postgres/address.ts';
import { Database } from '../../src/postgres/database.ts';
import type { Driver } from '../../src/postgres/session.ts';

/** A driver behind a pooler that knows none of the prepared statements, with PostgreSQL's error. */
class PooledClient extends EventEmitter {
  readonly connection = { stream: { destroy() {} } };
  async connect() {}
  async end() {}
  async query({ name, text }: { readonly name?: string; readonly text: string }) {
    if (text.includes('server_encoding')) return { rows: [{ read_only: 'off', encoding: 'UTF8' }] };
    await new Promise(setImmediate);
    if (name === undefined) return { rows: [{ answer: 42 }] };
    throw Object.assign(new Error(`prepared statement "${name}" does not exist`), { code: '26000' });
  }
}

test('statements that a pooler mixes up are asked without being prepared, however many are under way', async () => {
  const db = new Database({
    driver: { Client: PooledClient } as unknown as Driver,
    address: postgresAddress('postgres://mailbridge@127.0.0.1/postgres'),
    schema: 'mailbridge',
    poolSize: 3,
  });
  const asked = await Promise.all([db.ask('SELECT 42'), db.ask('SELECT 42'), db.ask('SELECT 42')]);
  expect(asked).toEqual([[{ answer: 42 }], [{ answer: 42 }], [{ answer: 42 }]]);
  await db.close();
});

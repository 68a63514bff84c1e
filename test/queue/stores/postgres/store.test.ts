import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPostgresStore } from '../../../../src/queue/stores/postgres/store.ts';
import { anyPostgres, debianPostgres, Postgres, packagedPostgres } from '../../../support/postgres.ts';
import { storeContract } from '../store-contract.ts';

/** CI tests both against the contract. */
const servers = [anyPostgres, process.env.CI && debianPostgres !== anyPostgres && debianPostgres].filter(
  (each) => !!each,
);

test('in continuous integration both are there', () => {
  if (process.env.CI) expect([packagedPostgres, debianPostgres]).not.toContain(undefined);
});

describe.each(servers)('on $name', (programs) => {
  let server: Postgres;
  let places = 0;

  beforeAll(async () => {
    server = await Postgres.start(programs, { fsync: 'off' });
  }, 60_000);
  afterAll(() => server.stop());

  storeContract(
    'PostgreSQL',
    () => `queue_${places++}`,
    (schema) => openPostgresStore({ url: server.url(), schema, poolSize: 5 }),
  );
});

import { expect, test } from 'vitest';
import type { HopResult } from '../../../src/onboarding/check/hops/hop.ts';
import { type Setup, workingSetup } from '../../onboarding/check/setup.ts';
import { freePorts } from '../../support/ports.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { mailbridge } from '../harness.ts';
import { loginWorld } from '../sign-in/login-world.ts';

const tokenKey = '5e'.repeat(32);
noteSecret('configured secret', tokenKey);

/** A queue on a server that is not running. */
async function away() {
  const port = await freePorts();
  const postgres = { url: `postgres://mailbridge:x@127.0.0.1:${port}/mail` };
  // Of the disk of the data folder, which does not contain the queue.
  return { tokenKey, queue: { store: 'postgres', postgres, minFreeMegabytes: 1_000_000 } };
}

async function checked(setup: Setup): Promise<{ readonly code: number; readonly failed: readonly HopResult[] }> {
  const { code, out } = await mailbridge(['check', '--config', setup.write(), '--json']);
  const { hops } = JSON.parse(out) as { readonly hops: HopResult[] };
  expect(hops.filter(({ hop, status }) => hop === 'mailbox' && status === 'ok')).not.toEqual([]);
  return { code, failed: hops.filter(({ status }) => status === 'failed') };
}

test('while the database is away, check tries all of Microsoft’s side, and says which hops need the database', async () => {
  const setup = await workingSetup();
  Object.assign(setup.config, await away());
  const { code, failed } = await checked(setup);
  expect(code).toBe(1);
  expect(failed).toMatchObject([
    { hop: 'passwords', target: 'app passwords', code: 'shared-store-unavailable' },
    { hop: 'queue', code: 'queue-unreachable' },
  ]);
  expect(failed[0]?.cause).toMatch(
    /^App passwords are in the store .* used now \(PostgreSQL at .*ECONNREFUSED 127[\d.:]+\)\)\.$/,
  );
});

test('login --verify-only needs no database; login says that there is none before anybody has signed in', async () => {
  const world = await loginWorld();
  Object.assign(world.more, await away());
  const verified = await world.start(['login', '--verify-only']).ended;
  expect(verified).toMatchObject({ code: 0, err: '', out: expect.stringContaining('It is not kept.') });
  const { code, out, err } = await world.start(['login']).ended;
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/^mailbridge: The sign-in of connection "contoso" is in the store that the instances share/);
});

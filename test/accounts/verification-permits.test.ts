import { expect, test } from 'vitest';
import { VerificationPermits } from '../../src/accounts/verification-permits.ts';

const bounds = { maxConcurrent: 1, maxWaiting: 8, maxWaitingPerNetwork: 4, maxWaitingPerAccount: 2 };

/** Permits, and the order in which they were granted. */
function permits(options: Partial<typeof bounds> = {}) {
  const one = new VerificationPermits({ ...bounds, ...options });
  const order: string[] = [];
  const refused: string[] = [];
  const ask = (network: string, account: string) => {
    void one.acquire(network, account).then((has) => (has ? order : refused).push(`${network} ${account}`));
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return {
    ask,
    refused,
    async finish() {
      for (let round = 0; round < 50; round++) {
        await settled();
        one.release();
      }
      return order;
    },
    async settle() {
      await settled();
      return order;
    },
  };
}

test('networks have their turns, and so have the accounts within one', async () => {
  const { ask, finish } = permits();
  for (const who of ['a 1', 'a 1', 'a 1', 'a 2', 'b 1', 'b 1', 'c 1']) ask(...(who.split(' ') as [string, string]));
  expect(await finish()).toEqual(['a 1', 'a 1', 'b 1', 'c 1', 'a 2', 'b 1', 'a 1']);
});

test('few wait for one account, and few for one network', async () => {
  const { ask, refused, settle } = permits();
  ask('busy', 'x');
  for (let n = 0; n < 3; n++) ask('a', 'one');
  for (const account of ['two', 'three', 'four']) ask('a', account);
  await settle();
  // The fourth account has taken the place of the second of `one`.
  expect(refused).toEqual(['a one', 'a one']);
  ask('a', 'five');
  await settle();
  expect(refused).toEqual(['a one', 'a one', 'a five']);
});

test('a full room makes place for a network that takes less of it', async () => {
  const { ask, refused, finish } = permits();
  ask('busy', 'x');
  for (const network of ['a', 'b']) for (const account of ['1', '2', '3', '4']) ask(network, account);
  ask('c', '1');
  ask('a', '5');
  const order = await finish();
  expect(order).toContain('c 1');
  expect(refused).toHaveLength(2);
  expect(refused).toContain('a 5');
});

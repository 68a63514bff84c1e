import { expect, test } from 'vitest';
import { InUse } from '../../src/base/in-use.ts';

/** Whether a promise is fulfilled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test('what nobody uses is unused at once', async () => {
  expect(await isSettled(new InUse().unused())).toBe(true);
});

test('it is unused when the last work under way has ended, that which failed too', async () => {
  const inUse = new InUse();
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const works = [first, second].map(({ promise }) => inUse.during(() => promise));
  const unused = inUse.unused();
  first.resolve('done');
  expect(await works[0]).toBe('done');
  expect(await isSettled(unused)).toBe(false);
  second.reject(new Error('broken'));
  await expect(works[1]).rejects.toThrow('broken');
  expect(await isSettled(unused)).toBe(true);
});

test('it can be used again afterwards', async () => {
  const inUse = new InUse();
  await inUse.during(async () => {});
  const next = Promise.withResolvers<void>();
  const work = inUse.during(() => next.promise);
  expect(await isSettled(inUse.unused())).toBe(false);
  next.resolve();
  await work;
  expect(await isSettled(inUse.unused())).toBe(true);
});

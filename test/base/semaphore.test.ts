import { expect, it } from 'vitest';
import { KeyedSemaphore, Semaphore } from '../../src/base/semaphore.ts';

const patience = new AbortController().signal;

it('lets in as many as there are permits, then one for each that leaves, first come first served', async () => {
  const semaphore = new Semaphore(2);
  const log: string[] = [];
  const leaveOne = await semaphore.acquire(patience);
  const leaveTwo = await semaphore.acquire(patience);
  const enter = async (name: string) => {
    const leave = await semaphore.acquire(patience);
    log.push(name);
    return leave;
  };
  const three = enter('three');
  const four = enter('four');
  leaveTwo();
  const leaveThree = await three;
  expect(log).toEqual(['three']);
  leaveOne();
  leaveThree();
  (await four)();
  expect(semaphore.isIdle).toBe(true);
});

it('forgets who gives up waiting', async () => {
  const semaphore = new Semaphore(1);
  const leave = await semaphore.acquire(patience);
  const giveUp = new AbortController();
  const impatient = semaphore.acquire(giveUp.signal);
  const patient = semaphore.acquire(patience);
  giveUp.abort(new Error('enough'));
  await expect(impatient).rejects.toThrow('enough');
  leave();
  (await patient)();
  expect(semaphore.isIdle).toBe(true);
  await expect(semaphore.acquire(giveUp.signal)).rejects.toThrow('enough');
});

it('counts each key by itself, and gives a permit back once', async () => {
  const permits = new KeyedSemaphore(1);
  const release = permits.tryAcquire('one');
  expect(permits.tryAcquire('one')).toBeUndefined();
  const other = await permits.acquire('two', patience);
  const waiting = permits.acquire('one', patience);
  release?.();
  release?.();
  expect(permits.tryAcquire('one')).toBeUndefined();
  (await waiting)();
  other();
  expect(permits.tryAcquire('one')).toBeTypeOf('function');
  const giveUp = new AbortController();
  const impatient = permits.acquire('one', giveUp.signal);
  giveUp.abort(new Error('enough'));
  await expect(impatient).rejects.toThrow('enough');
});

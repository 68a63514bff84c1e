import { expect, it } from 'vitest';
import { Places } from '../../src/graph/places.ts';

const patience = new AbortController().signal;

it('lets in as many as there are places, then one for each that leaves, first come first served', async () => {
  const places = new Places(2);
  const log: string[] = [];
  const leaveOne = await places.enter(patience);
  const leaveTwo = await places.enter(patience);
  const enter = async (name: string) => {
    const leave = await places.enter(patience);
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
  expect(places.isIdle).toBe(true);
});

it('forgets who gives up waiting', async () => {
  const places = new Places(1);
  const leave = await places.enter(patience);
  const giveUp = new AbortController();
  const impatient = places.enter(giveUp.signal);
  const patient = places.enter(patience);
  giveUp.abort(new Error('enough'));
  await expect(impatient).rejects.toThrow('enough');
  leave();
  (await patient)();
  expect(places.isIdle).toBe(true);
  await expect(places.enter(giveUp.signal)).rejects.toThrow('enough');
});

import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryRecords } from '../../support/shared-records.ts';
import { JumpingClock } from '../jumping-clock.ts';
import { key, recordStore, refreshToken, signIn } from './samples.ts';

const renewedBy = (name: string) => ({ ...signIn, msalCache: `renewed by ${name}`, renewedAtMs: 7 });

test('what stands in the store is encrypted', async () => {
  const records = new MemoryRecords();
  await recordStore(records).replace(signIn);
  const { value = '' } = (await records.get('sign-in', 'contoso', 0)) ?? {};
  const text = records.text() + Buffer.from(value, 'base64').toString('latin1');
  for (const hidden of [refreshToken, 'jo@', 'Mail.Send', 'microsoftonline', key.toString('hex')]) {
    expect(text).not.toContain(hidden);
  }
});

test('the remedy of another key is that of the other instances, or to sign in anew', async () => {
  const records = new MemoryRecords();
  await recordStore(records).replace(signIn);
  const other = recordStore(records, { key: async () => Buffer.alloc(32, 8) });
  const error = await other.read().catch((thrown: unknown) => thrown);
  expect(String(error)).toBe(
    'The sign-in of connection "contoso" (in the store that the instances share) was encrypted with another key. Give this instance the tokenKey that the others have. If that is lost, give all of them a new one and sign in again with "mailbridge login contoso --replace". (sign-in-file-key-wrong)',
  );
});

test('what cannot be opened is kept beside the new one, for thirty days', async () => {
  const records = new MemoryRecords();
  const clock = new FakeClock(Date.UTC(2026, 10, 21, 7, 30));
  await records.put('sign-in', 'contoso', Buffer.from('something else').toString('base64'));
  const signIns = recordStore(records, { clock });
  await expect(signIns.read()).rejects.toMatchObject({ code: 'sign-in-file-foreign' });
  await signIns.replace(signIn);
  const aside = await records.list('sign-in-unreadable', clock.now());
  expect([...aside]).toEqual([
    [
      'contoso 2026-11-21T07:30:00.000Z',
      {
        value: Buffer.from('something else').toString('base64'),
        version: 1,
        expiresAtMs: clock.now() + 30 * 86_400_000,
      },
    ],
  ]);
});

test('a holder that died is waited for fifteen seconds, and one that lives as long as it works', async () => {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  await records.put('sign-in-lock', 'contoso', '{"holder":"node-a, process 1","id":"x"}');
  let hasIt = false;
  const update = recordStore(records, { clock }).update(async () => {
    hasIt = true;
    return { result: undefined };
  });
  await clock.advance(13_000);
  expect(hasIt).toBe(false);
  await clock.advance(6_000);
  expect(hasIt).toBe(true);
  await update;

  const working = Promise.withResolvers<void>();
  const holder = recordStore(records, { clock }).update(async () => {
    await working.promise;
    return { result: undefined };
  });
  await clock.advance(1_000);
  let hasWaited = false;
  const waiting = recordStore(records, { clock }).update(async () => {
    hasWaited = true;
    return { result: undefined };
  });
  await clock.advance(60_000);
  expect(hasWaited).toBe(false);
  working.resolve();
  await clock.advance(1_000);
  expect(hasWaited).toBe(true);
  await Promise.all([holder, waiting]);
});

test('whoever waits too long is told who has it', async () => {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  await records.put('sign-in-lock', 'contoso', '{"holder":"node-a, process 1","id":"x"}');
  const refused = recordStore(records, { clock, lockTimeoutMs: 3_000 }).replace(signIn);
  const told = expect(refused).rejects.toMatchObject({
    code: 'sign-in-file-locked',
    message:
      'The sign-in of connection "contoso" (in the store that the instances share) is in use by node-a, process 1.',
  });
  await clock.advance(5_000);
  await told;
});

/** An instance that stops in the middle of a renewal, until another instance has the lock. */
async function frozen(records: MemoryRecords, clock: FakeClock) {
  await recordStore(records, { clock }).replace(signIn);
  const thaw = Promise.withResolvers<void>();
  const seen: (string | undefined)[] = [];
  const ended = recordStore(records, { clock }).update(async (current) => {
    seen.push(current?.msalCache);
    if (seen.length === 1) {
      await thaw.promise;
      return { signIn: renewedBy('the frozen one'), result: 'its own token' };
    }
    return { result: `the token of ${current?.msalCache}` };
  });
  await clock.advance(1_000);
  // Nothing of it runs: it gives no sign of life either.
  await records.put('sign-in-lock', 'contoso', '{"holder":"the frozen one","id":"x"}');
  return { ended, seen, thaw: thaw.resolve };
}

test('an instance that was frozen overwrites nothing: it takes what another has renewed meanwhile', async () => {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  const first = await frozen(records, clock);
  const second = recordStore(records, { clock }).update(async () => ({
    signIn: renewedBy('the second'),
    result: undefined,
  }));
  await clock.advance(20_000);
  await second;
  first.thaw();
  expect(await first.ended).toBe('the token of renewed by the second');
  expect(first.seen).toEqual([signIn.msalCache, 'renewed by the second']);
  expect((await recordStore(records).read())?.msalCache).toBe('renewed by the second');
});

test('what Entra ID says to a refresh token that a frozen instance has just used ends nothing', async () => {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  const first = await frozen(records, clock);
  const second = recordStore(records, { clock }).update(async (current) => ({
    signIn: { ...current!, ended: { atMs: 1, cause: 'It was used before.' } },
    result: undefined,
  }));
  await clock.advance(20_000);
  await second;
  expect((await recordStore(records).read())?.ended).toBeDefined();
  first.thaw();
  expect(await first.ended).toBe('its own token');
  expect(await recordStore(records).read()).toEqual(renewedBy('the frozen one'));
});

test('a sign-in that was removed or replaced meanwhile is not brought back by a frozen instance', async () => {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  const first = await frozen(records, clock);
  const second = recordStore(records, { clock });
  const removed = second.remove();
  await clock.advance(20_000);
  await removed;
  first.thaw();
  expect(await first.ended).toBe('the token of undefined');
  expect(await second.read()).toBeUndefined();
});

test('a store that cannot be reached is a temporary failure that says so, and nothing hangs on it', async () => {
  const records = new MemoryRecords();
  const signIns = recordStore(records, { clock: new JumpingClock() });
  await signIns.replace(signIn);
  records.failure = new Error('connect ECONNREFUSED 192.0.2.1:5432');
  for (const use of [
    () => signIns.read(),
    () => signIns.replace(signIn),
    () => signIns.remove(),
    () => signIns.update(async () => ({ result: 1 })),
  ]) {
    await expect(use()).rejects.toMatchObject({
      code: 'shared-store-unavailable',
      kind: 'temporary',
      message:
        'The sign-in of connection "contoso" is in the store that the instances share, which cannot be used now (connect ECONNREFUSED 192.0.2.1:5432).',
    });
  }
  records.failure = undefined;
  expect(await signIns.read()).toEqual(signIn);
});

test('a store that is lost during a renewal keeps the sign-in as it was, and the lock passes to another', async () => {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  const signIns = recordStore(records, { clock });
  await signIns.replace(signIn);
  const lost = signIns.update(async () => {
    records.failure = new Error('terminating connection');
    return { signIn: renewedBy('nobody'), result: undefined };
  });
  await expect(lost).rejects.toMatchObject({ code: 'shared-store-unavailable' });
  records.failure = undefined;
  const next = recordStore(records, { clock }).update(async (current) => ({ result: current }));
  await clock.advance(20_000);
  expect(await next).toEqual(signIn);
});

test('an idle store asks for nothing', async () => {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  await recordStore(records, { clock }).replace(signIn);
  const calls: string[] = [];
  records.onCall = (call) => calls.push(call);
  await clock.advance(60_000);
  await turn();
  expect(calls).toEqual([]);
});

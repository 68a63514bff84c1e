import { EventEmitter } from 'node:events';
import { deserialize, serialize } from 'node:v8';
import { expect, test } from 'vitest';
import { Channel } from '../../../src/app/workers/channel.ts';
import { BridgeError } from '../../../src/base/errors.ts';

interface Arithmetic {
  double(question: { readonly of: number }): Promise<number>;
  fail(question: Record<never, never>): Promise<undefined>;
}

class TestPort extends EventEmitter {
  connected = true;
  other: TestPort | undefined;

  send(message: unknown): boolean {
    const copy = deserialize(serialize(message)) as unknown;
    setImmediate(() => this.other?.emit('message', copy, undefined));
    return true;
  }
}

function pair(answers: Arithmetic) {
  const [near, far] = [new TestPort(), new TestPort()];
  near.other = far;
  far.other = near;
  const told: string[] = [];
  const asking = new Channel<Arithmetic, Record<never, never>, string, string>(near, { answers: {}, told() {} });
  new Channel<Record<never, never>, Arithmetic, string, string>(far, { answers, told: (news) => told.push(news) });
  return { asking, near, told };
}

const arithmetic: Arithmetic = {
  double: async ({ of }) => {
    // Later questions are answered first.
    for (let turn = 10; turn > of; turn--) await new Promise((resolve) => setImmediate(resolve));
    return of * 2;
  },
  fail: async () => {
    throw new BridgeError('connection-gone', 'It is gone.');
  },
};

test('each question has its own answer, whichever comes first', async () => {
  const { asking } = pair(arithmetic);
  expect(await Promise.all([1, 9, 5].map((of) => asking.ask('double', { of })))).toEqual([2, 18, 10]);
});

test('what the answer rejects with, the question rejects with', async () => {
  const { asking } = pair(arithmetic);
  await expect(asking.ask('fail', {})).rejects.toMatchObject({ code: 'connection-gone', message: 'It is gone.' });
});

test('news and questions arrive in order', async () => {
  const { asking, told } = pair({ ...arithmetic, double: async () => told.length });
  asking.tell('one');
  asking.tell('two');
  expect(await asking.ask('double', { of: 1 })).toBe(2);
});

test('what is asked when the other end is gone, or goes, rejects', async () => {
  const { asking, near } = pair({ ...arithmetic, double: () => new Promise(() => {}) });
  const waiting = asking.ask('double', { of: 1 });
  asking.ended();
  await expect(waiting).rejects.toThrow('has ended');
  near.connected = false;
  await expect(asking.ask('double', { of: 1 })).rejects.toThrow('has ended');
  asking.tell('nobody hears it');
});

import { describe, expect, test } from 'vitest';
import { Instances, preferredInstance } from '../../../src/queue/ownership/instances.ts';

const mailboxes = Array.from({ length: 3_000 }, (_, at) => `contoso/mailbox${at}@contoso.com`);

function shares(instances: readonly string[], keys = mailboxes): number[] {
  const counts = new Map(instances.map((name) => [name, 0]));
  for (const key of keys) {
    const preferred = preferredInstance(key, instances)!;
    counts.set(preferred, counts.get(preferred)! + 1);
  }
  return [...counts.values()];
}

describe('which instance should own a mailbox', () => {
  test('nobody where no instance lives', () => {
    expect(preferredInstance('contoso/a@contoso.com', [])).toBeUndefined();
  });

  test('the same for every version', () => {
    const among = ['bridge-a', 'bridge-b', 'bridge-c'];
    const letters = mailboxes.slice(0, 12).map((key) => preferredInstance(key, among)?.at(-1));
    expect(letters.join('')).toBe('caabbbccbacb');
  });

  test.each([
    [['bridge-a', 'bridge-b']],
    [['bridge-a', 'bridge-b', 'bridge-c']],
    [['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']],
    [['mail', 'mail2', 'zürich', 'site/7', 'x']],
    [Array.from({ length: 9 }, (_, at) => `node-${at}`)],
  ])('%j have even shares', (instances) => {
    const even = mailboxes.length / instances.length;
    for (const share of shares(instances)) expect(Math.abs(share - even) / even).toBeLessThan(0.2);
  });

  test('connections are shared as well', () => {
    const connections = Array.from({ length: 300 }, (_, at) => `tenant${at}`);
    for (const share of shares(['bridge-a', 'bridge-b'], connections)) expect(Math.abs(share - 150)).toBeLessThan(40);
  });

  test('when one leaves its own alone move, and evenly', () => {
    const before = ['bridge-a', 'bridge-b', 'bridge-c'];
    const moved = new Map([
      ['bridge-a', 0],
      ['bridge-c', 0],
    ]);
    for (const key of mailboxes) {
      const [old, now] = [preferredInstance(key, before)!, preferredInstance(key, ['bridge-a', 'bridge-c'])!];
      if (old === 'bridge-b') moved.set(now, moved.get(now)! + 1);
      else expect(now).toBe(old);
    }
    for (const count of moved.values()) expect(Math.abs(count - 500)).toBeLessThan(100);
  });

  test('instances are told apart, and what changes of them', () => {
    const instances = new Instances();
    expect(instances.become(['b', 'a'])).toEqual({ before: [], joined: ['b', 'a'], gone: [] });
    expect(instances.become(['a', 'b'])).toBeUndefined();
    const key = mailboxes.find((each) => preferredInstance(each, ['a', 'b']) === 'b')!;
    expect(instances.preferredFor(key)).toBe('b');
    expect(instances.become(['a', 'c'])).toEqual({ before: ['a', 'b'], joined: ['c'], gone: ['b'] });
    expect(instances.preferredFor(key)).not.toBe('b');
    expect(instances.names).toEqual(['a', 'c']);
  });
});

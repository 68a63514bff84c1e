import { expect, test } from 'vitest';
import { watchSignIns } from '../../src/app/sign-in-watch.ts';
import { openLog } from '../../src/base/log.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('a sign-in file that cannot be read ends neither the watch nor the bridge', async () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) > 0 };
  const log = openLog({ level: 'info', format: 'json', destination: destination as never });
  const clock = new FakeClock();
  let reads = 0;
  let signedInAtMs = 1;
  const store = {
    async read() {
      reads++;
      if (reads % 2 === 1) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      return { signedInAtMs };
    },
  };
  let signIns = 0;
  const end = watchSignIns({
    connections: () => [{ name: 'contoso', person: { store } as never }],
    onSignIn: async () => {
      signIns++;
      if (signIns === 1) throw new Error('the store is busy');
    },
    clock,
    log,
  });
  await clock.advance(25_000);
  signedInAtMs = 2;
  await clock.advance(40_000);
  expect(signIns).toBe(1);
  signedInAtMs = 3;
  await clock.advance(40_000);
  expect(signIns).toBe(2);
  expect(lines.filter((line) => line.includes('too many open files')).length).toBeGreaterThan(3);
  end();
  const before = reads;
  await clock.advance(60_000);
  expect(reads).toBe(before);
});

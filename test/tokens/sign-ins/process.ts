/**
 * A process that works on a sign-in file, for tests to run concurrently and to kill. `rewrite FILE` stores one version
 * after another and prints the number of each; `count FILE N` adds 1 to `renewedAtMs` N times; `hold FILE` takes the
 * lock, reports that and keeps it.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { signIn, store } from './samples.ts';

const [mode, file = '', times] = process.argv.slice(2);
const signIns = store(file);

if (mode === 'rewrite') {
  for (;;) {
    const version = await signIns.update(async (current) => {
      const next = (current?.renewedAtMs ?? 0) + 1;
      // Large, so that a write takes a while, and with content that would show a mixture of two versions.
      const msalCache = String(next).repeat(20_000);
      return { signIn: { ...(current ?? signIn), renewedAtMs: next, msalCache }, result: next };
    });
    process.stdout.write(`${version}\n`);
  }
}
if (mode === 'count') {
  for (let count = 0; count < Number(times); count++) {
    await signIns.update(async (current) => {
      await turn();
      return { signIn: { ...(current ?? signIn), renewedAtMs: (current?.renewedAtMs ?? 0) + 1 }, result: undefined };
    });
  }
}
if (mode === 'hold') {
  await signIns.update(async () => {
    process.stdout.write('held\n');
    // Unreachable objects are collected, and a lock with them.
    const { promise, resolve } = Promise.withResolvers<never>();
    setInterval(() => void resolve, 60_000);
    return await promise;
  });
}

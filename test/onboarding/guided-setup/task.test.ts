import { expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { Task, type TaskWork } from '../../../src/onboarding/guided-setup/task.ts';

/** A task, and how its work is ended. */
function task() {
  const changes: string[] = [];
  const made: Task<string> = new Task<string>('nothing', () => changes.push(made.view.state));
  const works: (TaskWork<string> & { end(): void; fail(error: unknown): void })[] = [];
  const begin = () =>
    made.begin(
      (work) =>
        new Promise<void>((resolve, reject) => {
          works.push({ ...work, end: resolve, fail: reject });
        }),
    );
  return { made, changes, works, begin, turn: () => new Promise((resolve) => setImmediate(resolve)) };
}

test('what it shows is kept when it is done', async () => {
  const { made, works, begin, turn } = task();
  begin();
  await turn();
  works[0]?.show(() => 'a code');
  expect(made.view).toEqual({ state: 'running', shown: 'a code' });
  works[0]?.end();
  await turn();
  expect(made.view).toEqual({ state: 'done', shown: 'a code' });
});

test('a failure is told with its remedy, and nothing of an unexpected one but its text', async () => {
  const { made, works, begin, turn } = task();
  begin();
  await turn();
  works[0]?.fail(new BridgeError('usage', 'No.', { remedy: 'Do it.' }));
  await turn();
  expect(made.view.failure).toEqual({ code: 'usage', text: 'No.', remedy: 'Do it.' });
  begin();
  await turn();
  expect(made.view).toEqual({ state: 'running', shown: 'nothing' });
  works[1]?.fail(new TypeError('x is undefined'));
  await turn();
  expect(made.view.failure).toEqual({ text: 'x is undefined' });
});

test('one that is cancelled, or begun again, changes nothing any more', async () => {
  const { made, works, begin, turn } = task();
  begin();
  await turn();
  made.cancel();
  works[0]?.show(() => 'late');
  expect(works[0]?.signal.aborted).toBe(true);
  expect(made.view).toEqual({ state: 'idle', shown: 'nothing' });
  begin();
  works[0]?.end();
  await turn();
  await turn();
  expect(made.view.state).toBe('running');
  works[1]?.end();
  await made.close();
});

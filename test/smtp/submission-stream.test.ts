import { expect, test } from 'vitest';
import { SubmissionStream } from '../../src/smtp/submission-stream.ts';

function streamOf(wrongEndWaitMs?: number) {
  return new SubmissionStream({
    endOfData: () => 'crlf',
    onWrongEnd: () => {},
    maxLinesAtOnce: () => 100,
    onTooManyLines: () => {},
    wrongEndWaitMs,
  });
}

test('a message that nobody wants any more is read to its end: the client still gets its reply', async () => {
  const stream = streamOf();
  const message = stream.startDataMode();
  const taken = new Promise<void>((resolve) => stream.write(Buffer.alloc(1_000_000, 'x'), () => resolve()));
  message.on('error', () => {}).destroy();
  await taken;
  await new Promise<void>((resolve) => stream.write(Buffer.alloc(1_000_000, 'x'), () => resolve()));
});

test('a client that waits behind a wrong end does not keep the process alive', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  const stream = streamOf(60_000);
  stream.startDataMode().resume();
  const before = timers();
  await new Promise<void>((resolve) => stream.write('text\n.\n', () => resolve()));
  expect(stream.wrongEnd).toMatchObject({ form: expect.any(String) });
  expect(timers()).toBe(before);
});

test('a wrong end is told once nothing follows it for a while, and never of a stream that is closed meanwhile', async () => {
  const told: string[] = [];
  const waiting = (isClosed: boolean) => {
    const stream = new SubmissionStream({
      endOfData: () => 'crlf',
      onWrongEnd: ({ form }) => told.push(`${isClosed ? 'closed' : 'open'} ${form}`),
      maxLinesAtOnce: () => 100,
      onTooManyLines: () => {},
      wrongEndWaitMs: 20,
    });
    stream.startDataMode().resume();
    stream.write('text\n.\n', () => {
      stream.isClosed = isClosed;
    });
  };
  waiting(true);
  waiting(false);
  await expect.poll(() => told).toContainEqual(expect.stringMatching(/^open /));
  expect(told).toHaveLength(1);
});

test('a client is read on once its message has room again, and nothing of that wait is left', async () => {
  const stream = streamOf();
  const message = stream.startDataMode();
  let taken = 0;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const listeners = () => [message.listenerCount('drain'), message.listenerCount('close')];
  const before = listeners();
  stream.write('x'.repeat(1_000_000), () => taken++);
  await turn();
  expect([taken, listeners()]).toEqual([0, before.map((count) => count + 1)]);
  message.resume();
  await turn();
  expect(taken).toBe(1);
  expect(listeners()[0]).toBe(before[0]);
  expect(listeners()[1]).toBe(before[1]);
});

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

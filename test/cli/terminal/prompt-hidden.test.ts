import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { promptHidden } from '../../../src/cli/terminal/prompt-hidden.ts';

test('an input that has ended answers no question, and keeps nobody waiting', async () => {
  const stdin = Readable.from([Buffer.from('first\n')]);
  const stderr = new PassThrough();
  const io = { stdin, stdout: new PassThrough(), stderr, env: {} };
  expect(await promptHidden(io, 'One: ', 100)).toBe('first');
  expect(await promptHidden(io, 'Two: ', 100)).toBeUndefined();
  expect(await promptHidden(io, 'Three: ', 100)).toBeUndefined();
  stderr.end();
  expect(await text(stderr)).toContain('One: ');
});

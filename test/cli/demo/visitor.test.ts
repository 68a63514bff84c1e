import { expect, test } from 'vitest';
import { visitorLine } from '../../../src/cli/demo/visitor.ts';

test.each([
  [
    { level: 40, msg: 'login refused', username: 'demo', client: '127.0.0.1', failure: 'wrong' },
    '✗ login refused (demo from 127.0.0.1)',
  ],
  [{ level: 30, msg: 'refused', client: '::1', status: 550, text: 'Too large' }, '✗ refused (from ::1) 550 Too large'],
  [{ level: 40, msg: 'a listener failed' }, '✗ a listener failed'],
  [{ level: 30, msg: 'ready' }, undefined],
])('%j is shown as %s', (line, shown) => {
  expect(visitorLine(line)).toBe(shown);
});

import { expect, it } from 'vitest';
import { baseSubject } from '../../../src/imap/sort/base-subject.ts';

it.each([
  ['b', 'b', false],
  ['Re: b', 'b', true],
  ['RE : b', 'b', true],
  ['[foo] Fwd: [bar] Re: fw: b (fWd)  (fwd)', 'b', true],
  ['Re: [FWD: c]', 'c', true],
  ['re: [fwd: [fwd: re: [fwd: babylon]]]', 'babylon', true],
  ['[list] news', 'news', false],
  ['[xyz]', '[xyz]', false],
  ['Re[2]: counted', 'counted', true],
  ['Re: ', '', true],
  ['  two\t words ', 'two words', false],
  ['Ad: x', 'Ad: x', false],
])('the base subject of "%s" is "%s"', (subject, text, isReply) => {
  expect(baseSubject(subject)).toEqual({ text, isReply });
});

it('is found in no time worth mentioning, whatever stands there', () => {
  const started = performance.now();
  for (const piece of ['[a]', 'Re: ', '[fwd: ', '[', ' (fwd)', '[a] re ']) baseSubject(piece.repeat(100_000));
  expect(performance.now() - started).toBeLessThan(1_000);
});

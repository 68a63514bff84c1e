import { expect, test } from 'vitest';
import { answerText } from '../../src/message/answer-text.ts';

test.each([
  [{ code: 'ErrorAccessDenied', text: '403 ErrorAccessDenied: No.' }, '403 ErrorAccessDenied: No.'],
  [{ code: '202', text: '202 Accepted' }, '202 Accepted'],
  [{ code: '5.7.60', text: '550 5.7.60 No.' }, '550 5.7.60 No.'],
  [{ code: 'token-refused', text: 'No token.' }, 'token-refused No token.'],
  [{ code: 'token-refused', text: '' }, 'token-refused'],
])('what %j says has its code once', (answer, said) => {
  expect(answerText(answer)).toBe(said);
});

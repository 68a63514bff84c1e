import { expect, test } from 'vitest';
import { answerRules } from '../../../src/config/answer-rules.ts';
import { certificateFiles } from '../../../src/onboarding/registration/credential-files.ts';

test.each(['token', 'Token'])('no key of a connection replaces the key of the bridge: %s', (name) => {
  expect(() => certificateFiles('/data', name)).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(answerRules.name(name)).toBe('must not be "token"');
});

test('a further key beside the first has the time in its name, and replaces nothing', () => {
  expect(certificateFiles('/data', 'token', Date.parse('2026-01-05T08:00:00Z')).key).toBe(
    '/data/token-20260105T080000.key',
  );
  expect(certificateFiles('/data', 'contoso').key).toBe('/data/contoso.key');
});

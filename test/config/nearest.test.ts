import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from '../../src/config/nearest.ts';

const keys = ['protocol', 'host', 'port', 'security', 'allowInsecureAuth', 'tls', 'maxMessageMegabytes', 'dataDir'];

test.each([
  ['prot', 'protocol'],
  ['Port', 'port'],
  ['prot0col', 'protocol'],
  ['hsot', 'host'],
  ['securty', 'security'],
  ['datadir', 'dataDir'],
  ['maxMessageMB', 'maxMessageMegabytes'],
  ['allowInsecureAuthentication', 'allowInsecureAuth'],
  ['sl', undefined],
  ['colour', undefined],
  ['', undefined],
])('%s is taken for %s', (word, expected) => {
  expect(nearest(word, keys)).toBe(expected);
});

test('a right word is nearest to itself, and no word takes long', () => {
  fc.assert(fc.property(fc.constantFrom(...keys), (key) => nearest(key, keys) === key));
  expect(nearest('x'.repeat(1_000_000), keys)).toBeUndefined();
});

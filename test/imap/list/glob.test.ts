import { describe, expect, it } from 'vitest';
import { nameMatcher } from '../../../src/imap/list/glob.ts';

const matches = (pattern: string, name: string): boolean => nameMatcher(pattern, '/')(name);

describe('patterns of LIST', () => {
  it.each([
    ['a-b', 'a-b'],
    ['a.b+c?[x]{1}(y)|^$\\', 'a.b+c?[x]{1}(y)|^$\\'],
    ['*', 'a/b/c'],
    ['%', 'abc'],
    ['a/%', 'a/b'],
    ['%/%', 'a/b'],
    ['a*', 'a'],
    ['*b', 'a/b'],
    ['%t*4', 'test3/test4'],
    ['a%*%b', 'a/x/b'],
    ['inBox', 'INBOX'],
    ['in*', 'INBOX'],
    ['inbox/%', 'INBOX/a'],
    ['Größe%', 'Größen'],
  ])('%s names %s', (pattern, name) => expect(matches(pattern, name)).toBe(true));

  it.each([
    ['%', 'a/b'],
    ['a/%', 'a/b/c'],
    ['a/%', 'a'],
    ['abc', 'ab'],
    ['ab', 'abc'],
    ['', 'a'],
    ['drafts', 'Drafts'],
    ['inboxes', 'INBOXes'],
    ['a.b', 'axb'],
  ])('%s does not name %s', (pattern, name) => expect(matches(pattern, name)).toBe(false));

  it('take no time worth mentioning, whatever they look like', () => {
    const started = performance.now();
    expect(matches(`${'*a'.repeat(500)}b`, 'a'.repeat(1_000))).toBe(false);
    expect(matches(`${'%a*'.repeat(300)}b`, 'a/'.repeat(400))).toBe(false);
    expect(matches('x'.repeat(100_000), 'x'.repeat(100_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

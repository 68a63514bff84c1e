import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { equivalents } from './equivalent.ts';
import { ImportGraph } from './import-graph.ts';
import { mutantsOfFile, sample } from './mutants.ts';
import { resultOf, shareKilled } from './report.ts';
import type { Fate } from './tree.ts';

/** What each operator makes of a line. */
function changes(line: string): Record<string, string[]> {
  const byOperator = Map.groupBy(mutantsOfFile('a.ts', line), ({ operator }) => operator);
  return Object.fromEntries([...byOperator].map(([operator, made]) => [operator, made.map(({ after }) => after)]));
}

test.each<[string, string, string[]]>([
  ['condition', 'if (a) b();', ['if (!(a)) b();']],
  ['condition', 'const x = !a ? 1 : 2;', ['const x = a ? 1 : 2;']],
  ['logic', 'x = a ?? b;', ['x = a && b;']],
  ['comparison', 'x = a < b;', ['x = a <= b;']],
  ['arithmetic', 'x = a + b;', ['x = a - b;']],
  ['update', 'for (;;) i++;', ['for (;;) i--;']],
  ['negation', 'x = !a;', ['x = a;']],
  ['boolean', 'x = true;', ['x = false;']],
  ['number', 'x = [0, 5000];', ['x = [1, 5000];', 'x = [0, 0];']],
  ['string', "x = 'a';", ["x = '';"]],
  ['regex', 'x = /^a$/i;', ['x = /(?!)/;', 'x = /a$/i;', 'x = /^a/i;', 'x = /^a$/;']],
  ['statement', 'a();', [';']],
  ['await', 'x = await a;', ['x = a;']],
  ['method', 'x = a.filter(f);', ['x = a;']],
  ['argument', 'x = a(b, {});', ['x = a(b);']],
  ['optional', 'x = a?.b;', ['x = a.b;']],
  ['list', 'x = [a];', ['x = [];']],
])('%s: %s', (operator, line, expected) => {
  expect(changes(line)[operator]).toEqual(expected);
});

test.each([
  "import { a } from 'b';",
  'interface A { readonly b: 1; c(): true }',
  "type A = 'b' | 'c';",
  "export * from 'a';",
])('what is gone at run time is left as it is: %s', (line) => {
  expect(mutantsOfFile('a.ts', line)).toEqual([]);
});

test.each([
  ['async () => { return await a; }', 0],
  ['async () => await a', 0],
  ['async () => { return b ? await a : c; }', 0],
  ['async () => { return b ? c : await a; }', 0],
  ['async () => { return (await a) ? b : c; }', 1],
  ['async () => { try { return await a; } catch {} }', 1],
  ['async () => { try { f(async () => { return await a; }); } catch {} }', 0],
  ['async (b = await a) => b', 1],
  ['async () => (await a).b', 1],
])('an await whose promise is returned anyway is no place for a mutant: %s has %d', (line, count) => {
  expect(changes(`x = ${line};`).await ?? []).toHaveLength(count);
});

test('prose in errors and logs is no behaviour', () => {
  expect(Object.keys(changes("throw new BridgeError('a-code', 'It is broken.');"))).toEqual(['statement']);
  expect(changes("log.warn({ a: 1 }, 'text');").string).toBeUndefined();
});

test('the last return of a function stays, an early one goes', () => {
  expect(changes('function f() { if (a) return; return b; }').statement).toEqual([
    'function f() { if (a) ; return b; }',
  ]);
});

test('the same seed chooses the same, another one others', () => {
  const all = Array.from({ length: 1000 }, (_, index) => index);
  expect(sample(all, 20, 1)).toEqual(sample(all, 20, 1));
  expect(sample(all, 20, 1)).not.toEqual(sample(all, 20, 2));
  expect(new Set(sample(all, 20, 1)).size).toBe(20);
  expect(sample(all, 20, 1).slice(0, 5)).toEqual(sample(all, 5, 1));
});

test('a file is judged by the tests that import it, those of its own room and folder first', () => {
  const tests = new ImportGraph(`${import.meta.dirname}/../..`).testsOf('src/tokens/sign-ins/sealed-file.ts');
  expect(tests[0]).toBe('test/tokens/sign-ins/sealed-file.test.ts');
  expect(tests).toContain('test/tokens/sign-ins/file-store.test.ts');
  expect(tests).not.toContain('test/sasl/codecs.test.ts');
  const ofStore = new ImportGraph(`${import.meta.dirname}/../..`).testsOf('src/queue/stores/sqlite/engine/limits.ts');
  expect(ofStore.slice(0, 6).map((test) => dirname(test))).toEqual(Array(6).fill('test/queue/stores/sqlite'));
});

test('a file that runs in a thread is judged by the tests of who starts it', () => {
  const tests = new ImportGraph(`${import.meta.dirname}/../..`).testsOf('src/queue/stores/sqlite/link/thread.ts');
  expect(tests).toContain('test/queue/stores/sqlite/thread.test.ts');
});

test('the score leaves out what nobody could notice', () => {
  const [mutant] = mutantsOfFile('a.ts', 'a();');
  const trials = (['killed', 'killed', 'timeout', 'survived'] as Fate[]).map((fate) => ({
    mutant: mutant!,
    fate,
    tests: [],
  }));
  expect(shareKilled(resultOf('room', 10, trials))).toBe(0.75);
});

test('every mutant that is called equivalent can still be made', () => {
  const project = `${import.meta.dirname}/../..`;
  const gone = equivalents.filter(({ file, before, after }) => {
    const made = mutantsOfFile(file, readFileSync(`${project}/${file}`, 'utf8'));
    return !made.some((mutant) => mutant.before.trim() === before && mutant.after.trim() === after);
  });
  expect(gone).toEqual([]);
});

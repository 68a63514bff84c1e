import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keptLog } from '../../support/kept-log.ts';
import { adminWorld, bearer } from '../admin-world.ts';
import { described, type OpenApi } from '../described.ts';

/** Possible bodies of API requests, wrong in one place or everywhere. */
const names = [
  'action',
  'ids',
  'filter',
  'confirm',
  'name',
  'to',
  'replace',
  'token',
  'states',
  'account',
  '__proto__',
];
const nearlyRight = fc.dictionary(
  fc.constantFrom(...names),
  fc.oneof(
    fc.constantFrom('delete', 'hold', 'anna@contoso.com', '', true, false, null),
    fc.array(fc.string(), { maxLength: 4 }),
    fc.jsonValue(),
  ),
);
const bodies = fc.oneof(
  nearlyRight.map((each) => JSON.stringify(each)),
  fc.json(),
  fc.string(),
);

test('no body and no query makes the server fail, or answer what it does not describe', {
  timeout: 120_000,
}, async () => {
  const { log, lines } = keptLog();
  const world = await adminWorld({ log });
  const ask = bearer(world);
  const api = (await (await ask('GET', '/openapi.json')).json()) as OpenApi;
  const operations = Object.entries(api.paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path] as const))
    .filter(([method, path]) => !(method === 'GET' && path.endsWith('/events')) && !path.endsWith('/sign-in'));
  const property = fc.asyncProperty(
    fc.constantFrom(...operations),
    bodies,
    fc.array(fc.tuple(fc.constantFrom('limit', 'state', 'since', 'before', 'id', 'search', 'x'), fc.string()), {
      maxLength: 3,
    }),
    fc.string({ minLength: 1, maxLength: 30 }),
    async ([method, template], body, query, word) => {
      const path = template.replace('/api/v1', '').replaceAll(/\{\w+\}/g, () => encodeURIComponent(word));
      // The URL standard reads these as the folder itself, or its parent.
      fc.pre(!/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path));
      const asked = method === 'GET' ? `${path}?${new URLSearchParams(query)}` : path;
      const answer = await ask(method, asked, method === 'GET' ? undefined : body);
      expect(answer.status).toBeLessThan(500);
      await described(api, method, `/api/v1${path}`, answer);
    },
  );
  await fc.assert(property, { numRuns: 400 });
  expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
});

import { expect, test } from 'vitest';
import { crossChecks } from '../../src/config/cross-checks.ts';

const connections = { contoso: { grant: 'device-code', tokenFile: 'contoso.token' } };
const keys = ['grant', 'tokenFile'];

test('a file for a sign-in has no place where instances share them', () => {
  expect(crossChecks({ connections, queue: { store: 'postgres', postgres: {} } }, keys)).toEqual([
    {
      path: ['connections', 'contoso', 'tokenFile'],
      text: 'is not used with queue.store "postgres", where instances share the sign-ins: leave it out',
    },
  ]);
  expect(crossChecks({ connections, queue: { store: 'sqlite' } }, keys)).toEqual([]);
  expect(crossChecks({ connections }, keys)).toEqual([]);
});

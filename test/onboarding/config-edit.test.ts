import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseJson } from '../../src/config/json.ts';
import { type ConfigChange, editConfigFile, editJson } from '../../src/onboarding/config-edit.ts';
import { connectionChanges } from '../../src/onboarding/connection-entry.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const nowMs = Date.UTC(2026, 0, 5, 8, 30, 15);

test('a value is changed and everything else stays as it was written', () => {
  const text =
    '{\n  "dataDir": "data",   \n  "connections": { "a": {"x":1} },\n  "accounts": [ {"username": "u"} ]\n}\n';
  const edited = editJson(text, [
    { path: ['connections', 'b'], value: { y: 2 } },
    { path: ['connections', 'a', 'x'], value: 3 },
  ]);
  expect(edited).toMatchInlineSnapshot(`
    "{
      "dataDir": "data",   
      "connections": {
        "a": {
          "x": 3
        },
        "b": {
          "y": 2
        }
      },
      "accounts": [ {"username": "u"} ]
    }
    "
  `);
});

test.each([
  ['tabs', '{\n\t"a": {\n\t\t"x": 1\n\t}\n}\n', '{\n\t"a": {\n\t\t"x": 1,\n\t\t"y": 2\n\t}\n}\n'],
  [
    'four spaces',
    '{\n    "a": {\n        "x": 1\n    }\n}\n',
    '{\n    "a": {\n        "x": 1,\n        "y": 2\n    }\n}\n',
  ],
  ['CRLF', '{\r\n  "a": {\r\n    "x": 1\r\n  }\r\n}\r\n', '{\r\n  "a": {\r\n    "x": 1,\r\n    "y": 2\r\n  }\r\n}\r\n'],
])('%s are kept', (_, text, expected) => {
  expect(editJson(text, [{ path: ['a', 'y'], value: 2 }])).toBe(expected);
});

const annotated = `// Scanners of the second floor
{
  "dataDir": "data", // on the big disk
  "connections": {
    // the old tenant
    "a": {
      "x": 1, // why
      /* since May */
      "grant": "g", // as the auditor wants it
      "z": 1 // last
    }, // end of a
  },
}
`;

test.each<[string, ConfigChange, [string, string]]>([
  ['a changed value', { path: ['connections', 'a', 'x'], value: 3 }, ['"x": 1, // why', '"x": 3, // why']],
  [
    'a new key behind a comment',
    { path: ['connections', 'a', 'w'], value: 5 },
    ['"z": 1 // last', '"z": 1, // last\n      "w": 5'],
  ],
  [
    'a new block behind a trailing comma and a comment',
    { path: ['connections', 'b'], value: { y: 2 } },
    ['}, // end of a', '}, // end of a\n    "b": {\n      "y": 2\n    },'],
  ],
  ['a key taken out', { path: ['connections', 'a', 'grant'], value: undefined }, ['"grant": "g", // as', '// as']],
  [
    'the last key taken out',
    { path: ['connections', 'a', 'z'], value: undefined },
    ['"g", // as the auditor wants it\n      "z": 1 // last', '"g" // as the auditor wants it\n      // last'],
  ],
  [
    'the only key taken out, with its trailing comma',
    { path: ['connections', 'a'], value: undefined },
    [annotated.slice(annotated.indexOf('"a"'), annotated.indexOf('// end of a')), ''],
  ],
])('%s leaves every comment where it was', (_, change, [from, to]) => {
  const edited = editJson(annotated, [change]);
  expect(edited).toBe(annotated.replace(from, to));
  expect(() => parseJson(edited)).not.toThrow();
});

test('keys that stand in one line are taken out of it', () => {
  const take = (text: string, ...keys: string[]) =>
    editJson(
      text,
      keys.map((key) => ({ path: [key], value: undefined })),
    );
  expect(take('{ "a": 1, "b": 2 }', 'b')).toBe('{ "a": 1 }');
  expect(take('{ "a": 1, "b": 2 }', 'a')).toBe('{ "b": 2 }');
  expect(take('{\r\n  "a": 1,\r\n  "b": 2\r\n}', 'b')).toBe('{\r\n  "a": 1\r\n}');
  expect(take('{"a":1,}', 'a')).toBe('{}');
});

test.each([
  ['{\n  "a": 1 /* why */,\n  "b": 2\n}\n', '{\n  /* why */\n  "b": 2\n}\n'],
  ['{\n  "a": 1 // why\n  , "b": 2\n}\n', '{\n  // why\n   "b": 2\n}\n'],
  ['{\n  "a": 1 /* why */, // more\n  "b": 2,\n}\n', '{\n  /* why */ // more\n  "b": 2,\n}\n'],
])('a comment before the comma stays when its key is taken out: %j', (text, left) => {
  expect(editJson(text, [{ path: ['a'], value: undefined }])).toBe(left);
});

test('the file keeps its mode, and the old one stays beside it with the same', async () => {
  const file = join(temporaryFolder(), 'config.json');
  writeFileSync(file, '{ "a": 1 }');
  chmodSync(file, 0o640);
  const backup = await editConfigFile(file, [{ path: ['a'], value: 2 }], nowMs);
  expect(backup).toBe(`${file}.bak-20260105T083015Z`);
  expect([readFileSync(file, 'utf8'), readFileSync(backup!, 'utf8')]).toEqual(['{ "a": 2 }', '{ "a": 1 }']);
  expect([file, backup!].map((each) => statSync(each).mode & 0o777)).toEqual([0o640, 0o640]);
});

test('nothing is written where nothing changes', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'config.json'), '{ "a": 1 }');
  expect(await editConfigFile(join(folder, 'config.json'), [{ path: ['a'], value: 1 }], nowMs)).toBeUndefined();
  expect(readdirSync(folder)).toEqual(['config.json']);
});

test('a link stays a link', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'real'));
  writeFileSync(join(folder, 'real/config.json'), '{}');
  symlinkSync(join(folder, 'real/config.json'), join(folder, 'config.json'));
  await editConfigFile(join(folder, 'config.json'), [{ path: ['a'], value: 1 }], nowMs);
  expect(JSON.parse(readFileSync(join(folder, 'real/config.json'), 'utf8'))).toEqual({ a: 1 });
});

test('a file that cannot be written is told, and left whole', async () => {
  const file = join(temporaryFolder(), 'missing', 'config.json');
  await expect(editConfigFile(file, [{ path: ['a'], value: 1 }], nowMs)).rejects.toMatchObject({
    code: 'config-not-found',
  });
});

const entry = {
  name: 'contoso',
  grant: 'client-credentials',
  tenantId: 'contoso.example',
  clientId: '1',
  applicationId: '2',
  cloud: undefined,
  credential: { certificate: { cert: '/etc/mailbridge/data/contoso.crt', key: '/var/keys/contoso.key' } },
};

test('a new connection is one block; files below the configuration are named relative to it', () => {
  expect(connectionChanges(entry, undefined, '/etc/mailbridge')).toEqual([
    {
      path: ['connections', 'contoso'],
      value: {
        tenantId: 'contoso.example',
        clientId: '1',
        grant: 'client-credentials',
        clientCertificate: { cert: 'data/contoso.crt', key: '/var/keys/contoso.key' },
        applicationObjectId: '2',
      },
    },
  ]);
});

test('of a connection that is there only what differs is changed, and what another grant left is taken out', () => {
  const present = {
    grant: 'device-code',
    tenantId: 'contoso.example',
    clientId: '1',
    prompt: 'login',
    clientSecret: 's',
    scopes: ['x'],
  };
  const changes = connectionChanges(entry, present, '/etc/mailbridge');
  expect(changes.map(({ path, value }) => [path.at(-1), value])).toEqual([
    ['prompt', undefined],
    ['grant', 'client-credentials'],
    ['clientCertificate', { cert: 'data/contoso.crt', key: '/var/keys/contoso.key' }],
    ['clientSecret', undefined],
    ['applicationObjectId', '2'],
  ]);
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { loadConfig } from '../../src/config/load.ts';
import { needProgram, runProgram } from '../support/external.ts';
import { startAdministered } from './admin-world.ts';

test('curl signs in, keeps its cookie, and may change something with the CSRF token alone', async (context) => {
  needProgram(context, 'curl');
  const { origin, token, folder } = await startAdministered();
  const jar = join(folder.path, 'cookies');
  const curl = async (...args: string[]) =>
    (await runProgram('curl', ['-sS', '-b', jar, '-c', jar, '-w', '\n%{http_code}', ...args])).output.split('\n');
  // From a file: other users of this machine see command lines.
  const login = join(folder.path, 'login.json');
  writeFileSync(login, JSON.stringify({ token }), { mode: 0o600 });
  const json = ['-H', 'Content-Type: application/json'];
  expect((await curl(...json, '--data', `@${login}`, `${origin}/api/v1/session`)).at(-1)).toBe('204');
  const [session = '', status] = await curl(`${origin}/api/v1/session`);
  expect([status, JSON.parse(session)]).toEqual(['200', expect.objectContaining({ role: 'operate' })]);
  const change = [...json, '--data', '{"action":"retry","filter":{}}', `${origin}/api/v1/messages/actions`];
  expect((await curl(...change)).at(-1)).toBe('403');
  const { csrfToken } = JSON.parse(session) as { csrfToken: string };
  expect(await curl('-H', `X-CSRF-Token: ${csrfToken}`, ...change)).toEqual(['{"changed":0}', '200']);
});

const script = `
import json, sys, urllib.error, urllib.request
origin, token = sys.argv[1], sys.stdin.readline().strip()
def ask(method, path, body=None, token=token):
    data = None if body is None else json.dumps(body).encode()
    headers = {'Authorization': 'Bearer ' + token}
    if data: headers['Content-Type'] = 'application/json'
    request = urllib.request.Request(origin + '/api/v1' + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer: return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused: return refused.code, json.load(refused)
print(json.dumps([
    ask('GET', '/overview')[1]['accounts']['total'],
    ask('POST', '/messages/actions', {'action': 'hold', 'filter': {}}),
    ask('GET', '/messages/none')[0],
    ask('GET', '/overview', token='wrong-token-of-this-test')[1]['error']['code'],
]))
`;

test("Python's urllib asks with the token", async (context) => {
  needProgram(context, 'python3');
  const { origin, token } = await startAdministered();
  const { code, output } = await runProgram('python3', ['-c', script, origin], `${token}\n`);
  expect([code, JSON.parse(output)]).toEqual([0, [2, [200, { changed: 0 }], 404, 'admin-token-wrong']]);
});

test('over TLS a client trusts the authority made here, and gets the next certificate after a reload', async (context) => {
  needProgram(context, 'curl');
  const { origin, folder, bridge } = await startAdministered({ admin: { port: 0, security: 'tls' } });
  const url = `https://localhost:${new URL(origin).port}`;
  const ca = join(folder.path, 'data', 'tls', 'ca.crt');
  const curl = (authority: string) =>
    runProgram('curl', ['-sS', '--cacert', authority, '-o', '/dev/null', '-D', '-', `${url}/ui/`]);
  const { code, output } = await curl(ca);
  expect([code, output]).toEqual([0, expect.stringMatching(/^HTTP\/1\.1 200 OK\r\n/)]);
  expect(output).toMatch(/strict-transport-security: max-age=31536000/i);
  const other = await makeAuthority('another authority', 30);
  const { cert, key } = await issueServerCertificate(other, ['localhost'], 30);
  for (const [name, content] of [
    ['other-ca.crt', other.cert],
    ['other.crt', cert],
    ['other.key', key],
  ] as const) {
    writeFileSync(join(folder.path, name), content);
  }
  const written = JSON.parse(readFileSync(folder.configFile, 'utf8')) as Parameters<typeof folder.configure>[0];
  await folder.configure({
    ...written,
    admin: { port: 0, security: 'tls', tls: { cert: 'other.crt', key: 'other.key' } },
  });
  await bridge.reload((await loadConfig(folder.configFile, { env: {} })).config);
  expect((await curl(ca)).code).toBe(60);
  expect((await curl(join(folder.path, 'other-ca.crt'))).code).toBe(0);
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generatedFiles } from '../../docs/generate.ts';
import { runConfig } from '../../src/cli/config.ts';
import { configPath } from '../../src/cli/config-path.ts';
import { makeClientCertificate } from '../simulator/client-certificate.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './capture.ts';
import { connection, listener, sample } from './sample.ts';

async function file(config: unknown, mode = 0o600): Promise<string> {
  const path = join(temporaryFolder(), 'config.json');
  await writeFile(path, JSON.stringify(config), { mode });
  return path;
}

test('config check: a good file is valid, exit 0', async () => {
  const path = await file(sample());
  expect(await run(runConfig, ['check', '--config', path])).toEqual({
    code: 0,
    stdout: `✓ ${path} is valid.\n`,
    stderr: '',
  });
});

test('config check: warnings go to stderr and change nothing else', async () => {
  const path = await file(sample(), 0o644);
  const { code, stdout, stderr } = await run(runConfig, ['check', '--config', path]);
  expect([code, stdout]).toEqual([0, `✓ ${path} is valid.\n`]);
  expect(stderr).toMatch(/^warning: the file contains secrets/);
});

test('config check: a bad file is told line by line on stderr, exit 2', async () => {
  const path = await file({ ...sample(), listner: [] });
  const { code, stdout, stderr } = await run(runConfig, ['check', '--config', path]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/has 1 problem:\nlistner: unknown key; did you mean "listeners"\?\n.*\(config-invalid\)\n$/);
});

test('config check --json: problems and warnings as data', async () => {
  const bad = await file({ ...sample(), listner: [] });
  const refused = await run(runConfig, ['check', '--json', '--config', bad]);
  expect(refused.code).toBe(2);
  expect(JSON.parse(refused.stdout)).toEqual({
    ok: false,
    path: bad,
    problems: ['listner: unknown key; did you mean "listeners"?'],
    warnings: [],
  });
  const good = await file(sample(), 0o644);
  const accepted = await run(runConfig, ['check', '--json', '--config', good]);
  expect(accepted.code).toBe(0);
  expect(JSON.parse(accepted.stdout)).toMatchObject({
    ok: true,
    problems: [],
    warnings: [expect.stringContaining('contains secrets')],
  });
});

test('config check: the environment of the command gives the path and the secrets', async () => {
  const accounts = [{ ...sample().accounts[0], password: { env: 'SCANNER_PASSWORD' } }];
  const path = await file({ ...sample(), accounts });
  const env = { MAILBRIDGE_CONFIG: path, SCANNER_PASSWORD: 'ganz-geheim-7' };
  expect((await run(runConfig, ['check'], { env })).code).toBe(0);
  const without = await run(runConfig, ['check'], { env: { MAILBRIDGE_CONFIG: path } });
  expect(without.code).toBe(2);
  expect(without.stderr).toContain('accounts[0].password: environment variable SCANNER_PASSWORD is not set');
});

test('config check: a file that is no certificate or key is refused as a start would, with its key in the file', async () => {
  const folder = temporaryFolder();
  const pem = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const [one, two] = [await makeClientCertificate(), await makeClientCertificate()];
  const [cert, key, otherKey] = [
    await pem('a.crt', one.cert),
    await pem('a.key', one.key),
    await pem('b.key', two.key),
  ];
  const passwd = await pem('passwd', 'root:x:0:0:root:/root:/bin/bash\n');
  const { clientSecret: _, ...app } = connection as Record<string, unknown>;
  const config = {
    ...sample(),
    tls: { cert: passwd, key },
    listeners: [listener, { ...listener, port: 2526 }, { ...listener, port: 2527, tls: { cert, key: otherKey } }],
    connections: {
      contoso: { ...app, clientCertificate: { cert, key: otherKey }, cloud: { caFile: passwd } },
      fabrikam: { ...app, clientCertificate: { cert: join(folder, 'none.crt'), key } },
    },
  };
  const refused = await run(runConfig, ['check', '--config', await file(config)]);
  expect(refused.stderr.split('\n').slice(1, -2)).toEqual([
    `tls: ${passwd} contains no certificate in PEM form`,
    `listeners[2].tls: The private key in ${otherKey} does not belong to the certificate in ${cert}`,
    `connections.contoso.cloud.caFile: ${passwd} contains no certificate in PEM form`,
    'connections.contoso.clientCertificate: The client certificate of connection "contoso": the private key does not belong to the certificate',
    'connections.fabrikam.clientId: Connection fabrikam has no app registration yet',
  ]);
  expect(refused.stderr).toMatch(/has 5 problems:\n[\s\S]*\(tls-material-unreadable\)\n$/);
  expect(refused.stderr).not.toContain('/bin/bash');
  expect(refused.code).toBe(2);

  const good = {
    ...sample(),
    tls: { cert, key },
    connections: { contoso: { ...app, clientCertificate: { cert, key }, cloud: { caFile: cert } } },
  };
  expect((await run(runConfig, ['check', '--config', await file(good)])).code).toBe(0);
});

test('--config comes before MAILBRIDGE_CONFIG, and that before config.json', () => {
  expect(configPath('a.json', { MAILBRIDGE_CONFIG: 'b.json' })).toBe('a.json');
  expect(configPath(undefined, { MAILBRIDGE_CONFIG: 'b.json' })).toBe('b.json');
  expect(configPath(undefined, { MAILBRIDGE_CONFIG: '' })).toBe('config.json');
});

test('config schema and config describe print what is generated', async () => {
  const files = generatedFiles();
  expect(await run(runConfig, ['schema'])).toEqual({ code: 0, stdout: files['config.schema.json'], stderr: '' });
  expect(await run(runConfig, ['describe'])).toEqual({ code: 0, stdout: files['docs/configuration.md'], stderr: '' });
  const blocks = JSON.parse((await run(runConfig, ['describe', '--json'])).stdout) as {
    path: string;
    keys: object[];
  }[];
  expect(blocks.find((block) => block.path === 'listeners[]')?.keys).toContainEqual(
    expect.objectContaining({ path: 'listeners[].host', default: '127.0.0.1', required: false }),
  );
});

test.each([[[]], [['chek']], [['check', 'me']], [['check', '--colour']]])(
  'config %j is wrong usage: one line, exit 2',
  async (args) => {
    const { code, stdout, stderr } = await run(runConfig, args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^mailbridge: [^\n]*Run mailbridge config --help\. \(usage\)\n$/);
  },
);

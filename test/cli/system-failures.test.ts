import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Mailbridge } from '../support/process.ts';
import { giveToService, needRoot, serviceUser } from '../support/service-user.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mailbridge } from './harness.ts';

/** Every command that reads or writes a file of the configuration. */
const commands = [
  ['start'],
  ['check'],
  ['login'],
  ['consent', 'contoso'],
  ['exchange-script', 'contoso'],
  ['register-app', '--send', 'graph'],
  ['queue', 'list'],
  ['queue', 'repair'],
  ['config', 'check'],
  ['sendmail', 'a@contoso.com'],
  ['init', '--yes', '--mailbox', 'a@contoso.com', '--force'],
];

const oneLine = /^(?!.*\n\s+at ).+\n(?:.+\n)?$/;

interface Place {
  readonly folder: string;
  readonly config: string;
}

function place(change: Record<string, unknown> = {}): Place {
  const folder = temporaryFolder();
  const config = join(folder, 'config.json');
  const clientId = '11111111-2222-3333-4444-555555555555';
  const contoso = { tenantId: 'contoso.onmicrosoft.com', clientId, grant: 'client-credentials', clientSecret: 'x' };
  writeFileSync(
    config,
    JSON.stringify({
      dataDir: 'data',
      listeners: [{ protocol: 'smtp', host: '127.0.0.1', port: 0, security: 'none' }],
      connections: { contoso },
      accounts: [
        { username: 'a', networks: ['127.0.0.1'], connection: 'contoso', mailbox: 'a@contoso.com', send: 'graph' },
      ],
      ...change,
    }),
    { mode: 0o600 },
  );
  return { folder, config };
}

const faults: Readonly<Record<string, (at: Place) => string>> = {
  'a folder': ({ folder }) => folder,
  'below a file': ({ config }) => join(config, 'config.json'),
  'below /proc': () => '/proc/nope/config.json',
};

const table = commands.flatMap((command) => Object.keys(faults).map((fault) => [command, fault] as const));

test.each(table)('%j with a configuration that is %s ends in one line', async (command, fault) => {
  const path = faults[fault]?.(place()) ?? '';
  const { code, err } = await mailbridge([...command, '--config', path]);
  expect([2, 78]).toContain(code);
  expect(err).toMatch(oneLine);
});

test.each([
  ['/proc/nope', /cannot be used \(ENOENT\).*\(data-folder-unusable\)/],
  ['config.json', /\(data-folder-un\w+\)/],
  ['config.json/data', /\(data-folder-unusable\)/],
])('start with the data folder %s ends in one line', async (dataDir, expected) => {
  const { code, err } = await mailbridge(['start', '--config', place({ dataDir }).config]);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(oneLine) });
  expect(err).toMatch(expected);
});

test.each(['start', 'simulate', 'demo'])('%s on a port that is taken ends in one line', async (command) => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const listeners = [{ protocol: 'smtp', host: '127.0.0.1', port, security: 'none' }];
  const args = command === 'start' ? ['--config', place({ listeners }).config] : ['--port-base', String(port)];
  const { code, err } = await mailbridge([command, ...args]);
  expect(code).toBe(2);
  expect(err).toMatch(/\(port-in-use\)\n$/);
  expect(err).toMatch(oneLine);
});

test.for(commands.map((command) => [command] as const))(
  '%j without the right to anything ends in one line',
  { timeout: 60_000 },
  async ([command], context) => {
    needRoot(context);
    const { folder, config } = place();
    mkdirSync(join(folder, 'data'), { mode: 0o700 });
    const bridge = Mailbridge.run([...command, '--config', config], { user: serviceUser });
    const { code } = await bridge.exit();
    expect([2, 78]).toContain(code);
    expect(bridge.stderr).toMatch(oneLine);
    expect(bridge.stderr).toMatch(/root|EACCES/);
  },
);

test('a data folder that cannot be written is told with its owner', { timeout: 60_000 }, async (context) => {
  needRoot(context);
  const { folder, config } = place();
  mkdirSync(join(folder, 'data'), { mode: 0o755 });
  giveToService(config);
  const bridge = Mailbridge.run(['start', '--config', config], { user: serviceUser });
  expect((await bridge.exit()).code).toBe(2);
  expect(bridge.stderr).toMatch(oneLine);
  expect(bridge.stderr).toMatch(/data belongs to root, .*\(EACCES\).*sudo chown -R 54320: \S+data/);
});
